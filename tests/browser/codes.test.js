// What the office does with codes, accounts and orders.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { stage } from "./browser.js";

const scene = stage(async (service) => {
  await service.campaign({
    id: "fair",
    kind: "discount",
    currency: "EUR",
    uses: 2,
    conditions: [
      { type: "amount", min: "50.00" },
      { type: "channel", only: ["web"] },
    ],
    effects: [{ type: "percent", percent: "10" }],
    codes: { pattern: "FAIR-####-####" },
  });
  await service.campaign({
    id: "gift",
    kind: "voucher",
    currency: "EUR",
    balance: "100.00",
    activation: "paid",
  });
  await service.codes("fair", "FAIR-OPEN");
  await service.codes("gift", "GIFT-ONE", "GIFT-TWO");
  await service.ask(
    "PUT",
    "/v1/accounts/card",
    { id: "card", unit: "points" },
    { "if-none-match": "*" },
  );
});

async function signedIn(page) {
  const visitor = await scene.visitor();
  await visitor.signIn("anna");
  await visitor.go(page);
  return visitor;
}

async function find(page, code) {
  await page.getByLabel("Code or medium").fill(code);
  await page.getByRole("button", { name: "Find" }).click();
}

test("an import is tried, then done, with a report by line", async () => {
  const visitor = await signedIn("Codes");
  const { page } = visitor;
  await page.getByRole("link", { name: "Import codes" }).click();
  await page.getByLabel("Campaign", { exact: false }).selectOption("fair");
  await page.getByLabel("List", { exact: true }).fill("FAIR-A1\nFAIR-B2\nFAIR-A1\nFAIR-OPEN\n");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("Nothing was stored.").waitFor();
  const rows = page.getByRole("region", { name: "Refused rows" }).getByRole("row");
  assert.equal(await rows.count(), 3);
  await visitor.shoot("import-tried");
  await page.getByLabel("Only try", { exact: false }).uncheck();
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("The list is taken in.").waitFor();
  assert.match(await page.locator(".notice.good").textContent(), /Taken in2/);
  await visitor.go("Codes");
  await find(page, "fair-b2");
  await page.locator(".badge", { hasText: "ready" }).waitFor();
  await visitor.leave();
});

test("a code is paid, blocked, freed, linked and replaced", async () => {
  const visitor = await signedIn("Codes");
  const { page } = visitor;
  const act = async (name, fill) => {
    await page.getByRole("button", { name, exact: true }).click();
    const dialog = page.getByRole("dialog");
    if (fill) await dialog.locator("input").fill(fill);
    await dialog.getByRole("button", { name, exact: true }).click();
    await dialog.waitFor({ state: "detached" });
  };
  await find(page, "GIFT-ONE");
  await page.locator(".badge", { hasText: "not paid yet" }).waitFor();
  await act("Mark as paid");
  await page.locator(".badge", { hasText: "ready" }).waitFor();
  await page.getByText("100.00 EUR").waitFor();
  await act("Revoke");
  await page.locator(".badge", { hasText: "revoked" }).waitFor();
  await act("Reinstate");
  await page.locator(".badge", { hasText: "ready" }).waitFor();
  await act("Bind to a holder", "ann");
  await page.locator(".facts", { hasText: "ann" }).waitFor();
  await act("Link a medium", "CHIP-0001");
  await find(page, "chip-0001");
  await page.locator(".facts", { hasText: "gift" }).waitFor();
  await act("Replace", "GIFT-THREE");
  await page.getByText("It is replaced by").waitFor();
  await page.getByRole("button", { name: "GIFT-THREE" }).click();
  await page.waitForFunction(() => document.querySelector("input.big")?.value === "GIFT-THREE");
  await page.getByText("100.00 EUR").waitFor();
  await find(page, "NOBODY-HAS-THIS");
  await page.getByRole("alert").getByText("code_not_found").waitFor();
  await visitor.shoot("code-unknown");
  await visitor.leave();
});

test("a part of what a voucher paid is given back", async () => {
  const { service } = scene;
  await service.codes("gift", "GIFT-PART");
  await service.ask("POST", "/v1/codes/paid", { code: "GIFT-PART" });
  const drawn = await service.command("redeem", "GIFT-PART", "--amount", "60", "--currency", "EUR");
  assert.equal(drawn.code, 0, drawn.said);
  const visitor = await signedIn("Codes");
  const { page } = visitor;
  await find(page, "GIFT-PART");
  const history = page.getByRole("region", { name: "History" });
  await history.getByText("60.00 EUR").waitFor();
  await history.getByRole("button", { name: "Release" }).click();
  const dialog = page.getByRole("dialog");
  const part = dialog.getByLabel("How much of 60.00 EUR");
  assert.equal(await part.inputValue(), "60.00");
  await part.fill("a bit");
  await dialog.getByRole("button", { name: "Release" }).click();
  await dialog.getByRole("alert").getByText("An amount such as").waitFor();
  await part.fill("12,5");
  await dialog.getByRole("button", { name: "Release" }).click();
  await page.getByText("The use is given back.").waitFor();
  await page.locator(".facts").getByText("52.50 EUR").waitFor();
  await visitor.leave();
});

test("codes are taken away as a file", async () => {
  const visitor = await signedIn("Campaigns");
  const { page } = visitor;
  await page.getByRole("link", { name: "gift", exact: true }).click();
  await page.getByRole("heading", { level: 1, name: "gift" }).waitFor();
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "CSV" }).last().click();
  const file = await coming;
  assert.match(file.suggestedFilename(), /^gift-\d+\.csv$/);
  const text = await readFile(await file.path(), "utf8");
  assert.match(text, /^code,campaign,state,/);
  assert.match(text, /GIFT-(ONE|TWO),gift/);
  await visitor.leave();
});

test("the codes of a campaign are listed by payment and use", async () => {
  const { service } = scene;
  await service.campaign({
    id: "season",
    kind: "discount",
    currency: "EUR",
    effects: [{ type: "percent", percent: "10" }],
    codes: { pattern: "SEAS-####-####" },
  });
  const key = { "idempotency-key": "season" };
  await service.ask("POST", "/v1/campaigns/season/codes:generate?count=105", undefined, key);
  await service.codes("season", "SEASON-PAID", "SEASON-USED");
  await service.ask("POST", "/v1/codes/paid", { code: "SEASON-PAID" });
  const order = ["--total", "10", "--currency", "EUR"];
  assert.equal((await service.command("redeem", "SEASON-USED", ...order)).code, 0);

  const visitor = await signedIn("Campaigns");
  const { page } = visitor;
  await page.getByRole("link", { name: "season", exact: true }).click();
  await page.getByRole("link", { name: "Show codes" }).click();
  await page.getByRole("heading", { level: 1, name: "Codes of season" }).waitFor();
  const rows = page.locator("tbody tr");
  assert.equal(await rows.count(), 100);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByText("Codes shown: 107,").waitFor();
  assert.equal(await rows.count(), 107);
  await visitor.shoot("campaign-codes");
  await page.getByLabel("Redeemed or not").selectOption("yes");
  await page.getByText("Codes shown: 1,").waitFor();
  await page.getByRole("button", { name: "SEASON-USED" }).waitFor();
  await page.getByLabel("Redeemed or not").selectOption("");
  await page.getByText("Codes shown: 100,").waitFor();
  await page.getByLabel("Paid or not").selectOption("yes");
  await page.getByText("Codes shown: 1,").waitFor();
  const batch = await page.getByLabel("Any batch").locator("option").nth(1).getAttribute("value");
  assert.equal(await page.getByRole("link", { name: "Save as CSV" }).count(), 0);
  await page.getByLabel("Any batch").selectOption(batch);
  await page.getByRole("link", { name: "Save as CSV" }).waitFor();
  await page.getByLabel("Any batch").selectOption("");
  await page.getByRole("button", { name: "SEASON-PAID" }).click();
  await page.locator(".badge", { hasText: "ready" }).waitFor();
  assert.doesNotMatch(page.url(), /SEASON/);
  await page.goBack();
  await page.getByRole("button", { name: "SEASON-PAID" }).waitFor();
  assert.match(page.url(), /paid=yes$/);
  await visitor.leave();

  const monitor = await scene.visitor();
  await monitor.signIn("milo");
  await monitor.page.goto("/#/campaigns/season/codes?redeemed=yes");
  await monitor.page.getByText("Codes shown: 1,").waitFor();
  assert.equal(await monitor.page.getByText("SEASON-USED").count(), 0, "a monitor sees a code");
  assert.equal(await monitor.page.locator("tbody button").count(), 0);
  await monitor.shoot("campaign-codes-monitor");
  await monitor.leave();
});

test("what validate found is told as people read it", async () => {
  const visitor = await signedIn("Try it");
  const { page } = visitor;
  await page.getByLabel("Codes", { exact: true }).fill("FAIR-OPEN");
  await page.getByLabel("Total", { exact: true }).fill("40");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator(".verdict.no").waitFor();
  await page.locator(".findings .sign.no").first().waitFor();
  await visitor.shoot("try-no");
  await page.getByLabel("Total", { exact: true }).fill("80");
  await page.getByLabel("Channel", { exact: true }).fill("web");
  await page.getByRole("button", { name: "Ask" }).click();
  await page.locator(".verdict.yes").getByText("72.00 EUR").waitFor();
  assert.equal(await page.locator(".findings .sign.no").count(), 0);
  await visitor.shoot("try-yes");
  await visitor.leave();
});

test("value is put into an account, and found there", async () => {
  const visitor = await signedIn("Accounts");
  const { page } = visitor;
  const topUp = page.locator("section", { has: page.getByRole("heading", { name: "Top up" }) });
  await topUp.getByLabel("Customer", { exact: true }).fill("ann");
  await topUp.getByLabel("Amount", { exact: false }).fill("120");
  await topUp.getByRole("button", { name: "Top up" }).click();
  await page.getByText("It is booked.").waitFor();
  await page.getByLabel("Customer", { exact: false }).first().fill("ann");
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator(".tile.redeemed", { hasText: "120" }).waitFor();
  await page.getByRole("region", { name: "Movements" }).getByText("+ 120").waitFor();
  await visitor.shoot("account");
  const moved = page.locator("section", { has: page.getByRole("heading", { name: "Transfer" }) });
  await moved.getByLabel("Customer", { exact: true }).first().fill("ann");
  await moved.getByLabel("Customer", { exact: true }).last().fill("bob");
  await moved.getByLabel("Amount", { exact: false }).fill("500");
  await moved.getByRole("button", { name: "Transfer" }).click();
  await moved.getByRole("alert").getByText("points_insufficient").waitFor();
  await visitor.leave();
});
