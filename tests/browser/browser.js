// A real browser and a service for the tests of a file, and visitors of the pages, whose every
// complaint is a failure.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";
import { SHOTS, Service, USERS } from "./service.js";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Where to take the pages from instead of the program: for who changes them. */
const PAGES = process.env.PAGES_DIR;

export const DESKTOP = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };

/**
 * What the tests of a file share: a service, and a browser for its visitors.
 *
 * @param {(service: Service) => Promise<void>} [furnish] - puts in what the tests need
 */
export function stage(furnish) {
  const scene = {
    /** A visitor, whose context in the browser has these options. */
    visitor: (options) => Visitor.come(scene, options),
  };
  before(async () => {
    scene.service = await Service.start();
    scene.browser = await openBrowser();
    await furnish?.(scene.service);
  });
  after(async () => {
    await scene.browser?.close();
    await scene.service?.stop();
  });
  return scene;
}

/** @returns {Promise<import("playwright-core").Browser>} */
async function openBrowser() {
  await mkdir(SHOTS, { recursive: true });
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: PROGRAM, args });
}

const KINDS = {
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".html": "text/html",
  ".svg": "image/svg+xml",
};

/** Answers from the folder, under the rules that the service sets. */
async function fromFolder(route) {
  const asked = new URL(route.request().url());
  const file = asked.pathname.replace(/^\/(ui\/([0-9a-f]{16}\/)?)?/, "") || "index.html";
  try {
    const shell = await route.fetch({ url: new URL("/", asked).href });
    const rules = shell.headers()["content-security-policy"];
    const headers = {
      "content-security-policy": rules,
      "content-type": KINDS[extname(file)] ?? "text/plain",
    };
    await route.fulfill({ path: join(PAGES, file), headers });
  } catch {
    // Who has left needs no answer.
    await route.abort().catch(() => {});
  }
}

/** Somebody who looks at the pages. */
export class Visitor {
  /** @param {{browser: object, service: object}} scene */
  static async come({ browser, service }, options = {}) {
    const visitor = new Visitor();
    visitor.service = service;
    const settings = {
      locale: "en-GB",
      timezoneId: "Europe/Vienna",
      viewport: DESKTOP,
      baseURL: service.url,
    };
    visitor.context = await browser.newContext({ ...settings, ...options });
    visitor.context.setDefaultTimeout(15_000);
    visitor.page = await visitor.context.newPage();
    visitor.complaints = [];
    visitor.watch();
    if (PAGES) await visitor.context.route(/\/(ui\/.*)?$/, fromFolder);
    await visitor.page.goto("/");
    return visitor;
  }

  /** Everything that the browser has against the pages, and every word to another host. */
  watch() {
    const { page, complaints } = this;
    page.on("console", (said) => {
      const { url } = said.location();
      if (["error", "warning"].includes(said.type())) complaints.push(`${said.text()} ${url}`);
    });
    page.on("pageerror", (error) => complaints.push(`${error.stack ?? error}`));
    page.on("request", (request) => {
      const url = request.url();
      const isOwn =
        url.startsWith(this.service.url) || url.startsWith("data:") || url.startsWith("blob:");
      if (!isOwn) complaints.push(`a request to ${url}`);
    });
  }

  /** Signs in by the form. */
  async signIn(name, password = USERS[name].password) {
    const { page } = this;
    await page.locator("input[autocomplete=username]").fill(name);
    await page.locator("input[type=password]").fill(password);
    await page.locator("form button[type=submit]").click();
  }

  /** Goes to a page by the navigation. */
  async go(name) {
    await this.page.locator("nav").getByRole("link", { name, exact: true }).click();
    await this.page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
  }

  /** Keeps what is seen. */
  async shoot(name) {
    // Charts draw themselves in the next frames.
    await this.page.evaluate(() => scrollTo(0, 0));
    await this.page.waitForTimeout(250);
    await this.page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  }

  /** Nothing is wider than the window: nobody scrolls sideways. */
  async fits() {
    const wide = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `the page is ${wide} pixels too wide: ${this.page.url()}`);
  }

  /** Every control says what it is to who cannot see it. */
  async names() {
    const nameless = await this.page.evaluate(() => {
      const all = [...document.querySelectorAll("input, select, textarea, button, a, summary")];
      const named = (one) =>
        one.getAttribute("aria-label") ||
        one.labels?.length > 0 ||
        ((!("value" in one) || one.tagName === "BUTTON") && one.textContent.trim());
      return all.filter((one) => !named(one)).map((one) => one.outerHTML);
    });
    assert.deepEqual(nameless, [], this.page.url());
  }

  /**
   * Leaves; what the browser complained of must be among what is expected.
   *
   * @param {...RegExp} expected
   */
  async leave(...expected) {
    await this.context.close();
    const rest = this.complaints.filter((one) => !expected.some((pattern) => pattern.test(one)));
    assert.deepEqual(rest, []);
  }
}
