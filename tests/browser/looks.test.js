// How the pages look: every page, wide and narrow, dark and light, in every language.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { DESKTOP, PHONE, stage } from "./browser.js";

const scene = stage(async (service) => {
  await service.campaign({
    id: "summer-sale",
    kind: "discount",
    currency: "EUR",
    zone: "Europe/Vienna",
    uses: 1000,
    labels: ["sale", "print"],
    texts: { name: { en: "Summer sale", de: "Sommerschlussverkauf", cs: "Letní výprodej" } },
    conditions: [{ type: "amount", min: "50.00" }],
    limits: [{ scope: "customer", counts: "orders", max: 1 }],
    effects: [{ type: "percent", percent: "10", cap: "50.00" }],
    codes: { pattern: "SUN-####-####" },
  });
  await service.ask(
    "PUT",
    "/v1/accounts/card",
    { id: "card", unit: "points", texts: { name: { en: "Lucky Card" } } },
    { "if-none-match": "*" },
  );
  await service.codes("summer-sale", "SUMMER-2026");
  await service.ask(
    "POST",
    "/v1/topups",
    { to: { account: "card", customer: "ann" }, amount: "120" },
    { "idempotency-key": "looks" },
  );
  for (const customer of ["ann", "bob", "cat", "dan", "ann", "bob"]) {
    const gate = { ann: "north", bob: "south", cat: "north", dan: "pool" }[customer];
    const order = ["--total", "80", "--currency", "EUR", "--customer", customer, "--gate", gate];
    await service.command("redeem", "SUMMER-2026", ...order);
  }
});

const PAGES = {
  live: "#/live",
  campaigns: "#/campaigns",
  campaign: "#/campaigns/summer-sale",
  "campaign-codes": "#/campaigns/summer-sale/codes",
  "campaign-edit": "#/campaigns/summer-sale/edit",
  codes: "#/codes",
  generate: "#/codes/generate",
  import: "#/codes/import",
  accounts: "#/accounts",
  audit: "#/audit",
  try: "#/try",
  users: "#/users",
  password: "#/password",
};

async function tour(visitor, suffix) {
  const { page } = visitor;
  for (const [name, hash] of Object.entries(PAGES)) {
    await page.goto(`/${hash}`);
    await page.waitForFunction(() => document.querySelector("main h1") !== null);
    if (name === "live") await page.locator(".badge.good").first().waitFor();
    if (name === "campaign")
      await page.locator(".tile strong").filter({ hasText: /\d/ }).first().waitFor();
    assert.equal(await page.locator("main .notice.bad").count(), 0, name);
    await visitor.fits();
    await visitor.names();
    await visitor.shoot(`${name}-${suffix}`);
  }
}

test("every page at a desk", async () => {
  const visitor = await scene.visitor({ viewport: DESKTOP });
  await visitor.signIn("root");
  await visitor.page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await tour(visitor, "desktop");
  await visitor.leave();
});

test("every page on a phone, in the dark", async () => {
  const visitor = await scene.visitor({ viewport: PHONE, colorScheme: "dark", hasTouch: true });
  await visitor.fits();
  await visitor.shoot("sign-in-phone");
  await visitor.signIn("root");
  await visitor.page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  assert.equal(await visitor.page.evaluate(() => document.documentElement.dataset.theme), "dark");
  await tour(visitor, "phone");
  await visitor.leave();
});

test("longer stretches of time", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.signIn("root");
  for (const range of ["Hour", "Day", "Week", "Season"]) {
    await page.getByRole("button", { name: range, exact: true }).click();
    await page.locator(".tile.redeemed strong").filter({ hasText: /^4$/ }).waitFor();
    await page.locator(".tile.money").getByText("32.00 EUR").waitFor();
    await visitor.shoot(`live-${range.toLowerCase()}`);
  }
  await visitor.leave();
});

test("the list of campaigns is filtered, sorted and read page by page", async () => {
  const only = (type, ...list) => [{ type, only: list }];
  const plain = { kind: "discount", currency: "EUR", effects: [{ type: "percent", percent: "5" }] };
  await scene.service.campaign({ ...plain, id: "brand-week", conditions: only("brand", "splash") });
  await scene.service.campaign({
    ...plain,
    id: "partners-only",
    status: "paused",
    conditions: only("partner", "agency"),
  });
  const visitor = await scene.visitor();
  const { page } = visitor;
  // Pages of two, so that three campaigns are more than one.
  await page.route("**/v1/campaigns?*limit=100*", (route) =>
    route.continue({ url: route.request().url().replace("limit=100", "limit=2") }),
  );
  await visitor.signIn("root");
  await visitor.go("Campaigns");
  const shows = (...names) =>
    page.waitForFunction((wanted) => {
      const all = [...document.querySelectorAll("tbody th a")].map((one) => one.textContent);
      return JSON.stringify(all) === wanted;
    }, JSON.stringify(names));
  await shows("brand-week", "partners-only");
  await page.getByText("2 of 3 campaigns").waitFor();
  await page.getByRole("button", { name: "Show more" }).click();
  await shows("brand-week", "partners-only", "Summer sale");
  await page.locator(".scroll:focus").waitFor();
  await page.getByLabel("By name").selectOption("newest");
  await shows("partners-only", "brand-week");
  await page.getByLabel("By name").selectOption("");
  for (const [filter, value, ...left] of [
    ["Any status", "paused", "partners-only"],
    ["Any partner", "agency", "partners-only"],
    ["Any brand", "splash", "brand-week"],
    ["Any label", "print", "Summer sale"],
    ["Paid or not", "no", "Summer sale"],
    ["Paid or not", "yes"],
    ["Redeemed or not", "yes", "Summer sale"],
    ["Redeemed or not", "no", "brand-week", "partners-only"],
  ]) {
    await page.getByLabel(filter).selectOption(value);
    await shows(...left);
    await page.getByLabel(filter).selectOption("");
  }
  await page.getByLabel("Redeemed or not").selectOption("yes");
  await page.getByRole("searchbox").fill("letní");
  await page.getByText("1 of 1 campaigns").waitFor();
  await visitor.shoot("campaigns-filtered");
  assert.match(page.url(), /#\/campaigns\?redeemed=yes$/, "what was typed is in the address");
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Save as CSV" }).click();
  const list = await readFile(await (await coming).path(), "utf8");
  assert.match(list, /summer-sale/);
  assert.doesNotMatch(list, /brand-week/);
  await page.getByRole("link", { name: "Summer sale" }).click();
  await page.getByRole("heading", { level: 1, name: "Summer sale" }).waitFor();
  await page.goBack();
  await page.getByText("1 of 1 campaigns").waitFor();
  assert.equal(await page.getByLabel("Redeemed or not").inputValue(), "yes");
  assert.equal(await page.getByRole("searchbox").inputValue(), "letní");
  await visitor.leave();
});

test("on paper there is only what is told", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.signIn("root");
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await page.goto("/#/campaigns/summer-sale");
  await page.getByRole("heading", { level: 1, name: "Summer sale" }).waitFor();
  await page.locator(".tile strong").filter({ hasText: /^4$/ }).waitFor();
  await page.emulateMedia({ media: "print" });
  for (const unseen of [".bar", ".page-head .actions", ".segments"]) {
    assert.equal(await page.locator(unseen).first().isVisible(), false, unseen);
  }
  assert.ok(await page.getByText("32.00 EUR").isVisible());
  await visitor.shoot("campaign-print");
  await visitor.leave();
});

test("the numbers behind a chart can be read", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.signIn("root");
  await page.getByRole("button", { name: "Season", exact: true }).click();
  await page.locator(".tile.redeemed strong").filter({ hasText: /^4$/ }).waitFor();
  await page.getByText("As a table").click();
  const row = page.getByRole("region", { name: "Season" }).getByRole("row").nth(1);
  const today = new Intl.DateTimeFormat("en-GB", {
    dateStyle: "medium",
    timeZone: "Europe/Vienna",
  });
  assert.deepEqual(await row.locator("th, td").allTextContents(), [
    today.format(new Date()),
    "4",
    "2",
  ]);
  await visitor.leave();
});

test("dark and light can be chosen, and stay", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  const ground = () =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await ground();
  await page.getByRole("button", { name: "Show dark colours" }).click();
  const dark = await ground();
  assert.notEqual(light, dark);
  await page.reload();
  await page.getByLabel("Password").waitFor();
  assert.equal(await ground(), dark);
  await visitor.signIn("root");
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await page.locator(".badge.good").first().waitFor();
  await visitor.shoot("live-dark");
  await page.getByRole("button", { name: "Show light colours" }).click();
  assert.equal(await ground(), light);
  await visitor.leave();
});

for (const [tag, locale, campaigns, hello] of [
  ["de", "de-AT", "Kampagnen", "Anmelden"],
  ["cs", "cs-CZ", "Kampaně", "Přihlásit se"],
]) {
  test(`in ${tag}`, async () => {
    const visitor = await scene.visitor({ locale });
    const { page } = visitor;
    await page.getByRole("button", { name: hello }).waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), tag);
    await visitor.signIn("root");
    await visitor.go(campaigns);
    await visitor.shoot(`campaigns-${tag}`);
    await page.goto("/#/campaigns/summer-sale/edit");
    await page.locator("form").waitFor();
    await visitor.shoot(`campaign-edit-${tag}`);
    await page.goto("/#/live");
    await page.locator(".badge.good").first().waitFor();
    await visitor.shoot(`live-${tag}`);
    await page.locator("select").first().selectOption("en");
    await page.getByRole("link", { name: "Campaigns" }).waitFor();
    await visitor.leave();
  });
}
