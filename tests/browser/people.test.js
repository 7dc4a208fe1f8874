// Who signs in, how, and what they may see: wrong passwords, keys instead of a mouse, roles, users.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./browser.js";
import { USERS } from "./service.js";

const scene = stage(async (service) => {
  await service.campaign({
    id: "sale",
    kind: "discount",
    currency: "EUR",
    effects: [{ type: "percent", percent: "10" }],
  });
  await service.codes("sale", "SALE-2026");
});

test("a wrong password is told, and the right one still lets in", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.signIn("anna", "not-her-password");
  await page.getByRole("alert").waitFor();
  await visitor.shoot("sign-in-wrong");
  await visitor.signIn("anna");
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Password").waitFor();
  await page.goto("/#/campaigns");
  await page.getByLabel("Password").waitFor();
  await visitor.leave(/401/);
});

test("keys alone suffice", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  const focused = () =>
    page.evaluate(() => document.activeElement.textContent || document.activeElement.autocomplete);
  await page.locator("input[autocomplete=username]:focus").waitFor();
  await page.keyboard.type("anna");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "current-password");
  await page.keyboard.type(USERS.anna.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  await page.locator("h1:focus").waitFor();

  const reach = async (text, key) => {
    for (let steps = 0; steps < 30; steps += 1) {
      if ((await focused()) === text) return;
      await page.keyboard.press(key);
    }
    assert.fail(`the keys do not reach ${text}`);
  };
  await reach("Skip to the content", "Shift+Tab");
  await visitor.shoot("keys-skip");
  await page.keyboard.press("Enter");
  await page.locator("h1:focus").waitFor();
  await reach("Codes", "Shift+Tab");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(outline, "solid", "where the keys are cannot be seen");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Codes" }).waitFor();
  await reach("Find", "Tab");
  await visitor.leave();
});

test("a monitor sees everything and can change nothing", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.signIn("milo");
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();
  const names = await page.locator("nav li").allTextContents();
  assert.deepEqual(names, ["Live", "Campaigns", "Codes", "Accounts", "Audit"]);
  const none = async (...wanted) => {
    for (const name of wanted) {
      assert.equal(await page.getByRole("button", { name, exact: true }).count(), 0, name);
      assert.equal(await page.getByRole("link", { name, exact: true }).count(), 0, name);
    }
  };
  await visitor.go("Campaigns");
  await none("New campaign");
  await page.getByRole("link", { name: "sale" }).click();
  await page.getByRole("heading", { name: "sale" }).waitFor();
  await none("Edit", "Pause", "End", "Generate codes", "CSV");
  await visitor.shoot("campaign-monitor");
  await visitor.go("Codes");
  await page.getByLabel("Code or medium").fill("sale-2026");
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator(".badge", { hasText: "ready" }).waitFor();
  await none("Revoke", "Replace", "Release", "Generate codes");
  await page.goto("/#/campaigns/new");
  await page.getByRole("heading", { name: "You may not see this page" }).waitFor();
  await visitor.leave();
});

test("an administrator makes a user, who signs in and changes the password", async () => {
  const admin = await scene.visitor();
  await admin.signIn("root");
  await admin.go("Users");
  await admin.page.getByRole("button", { name: "New user" }).click();
  const dialog = admin.page.getByRole("dialog");
  await dialog.getByLabel("Name", { exact: false }).fill("eva");
  await dialog.getByLabel("Password", { exact: false }).fill("short");
  await dialog.getByRole("button", { name: "New user" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Password", { exact: false }).fill("first-password");
  await dialog.getByRole("button", { name: "New user" }).click();
  await admin.page.getByRole("rowheader", { name: "eva" }).waitFor();
  await admin.shoot("users");
  const eva = await scene.visitor();
  await eva.signIn("eva", "first-password");
  await eva.page.getByRole("link", { name: "eva" }).click();
  await eva.page.getByRole("heading", { name: "Change password" }).waitFor();
  const passwords = eva.page.locator("main input[type=password]");
  const change = async (old, fresh) => {
    await passwords.nth(0).fill(old);
    await passwords.nth(1).fill(fresh);
    await passwords.nth(2).fill(fresh);
    await eva.page.locator("main").getByRole("button", { name: "Change password" }).click();
  };
  await change("a-wrong-password", "second-password");
  await eva.page.getByRole("alert").waitFor();
  await change("first-password", "second-password");
  await eva.page.getByText("The password is changed.").waitFor();
  await eva.shoot("password");
  await eva.go("Campaigns");

  await admin.page
    .getByRole("row", { name: "eva" })
    .getByRole("button", { name: "Change" })
    .click();
  await dialog.getByLabel("disabled", { exact: false }).check();
  await dialog.getByRole("button", { name: "Save" }).click();
  await admin.page.getByRole("row", { name: "eva" }).getByText("disabled").waitFor();
  await eva.page.getByRole("link", { name: "Live", exact: true }).click();
  await eva.page.getByLabel("Password").waitFor();
  await eva.leave(/401/);
  await admin.leave(/422/);
});
