// What the office does with codes, accounts and orders.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { openBrowser, Visitor } from "./browser.js";
import { Service } from "./service.js";

let service;
let browser;

before(async () => {
  service = await Service.start();
  browser = await openBrowser();
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

after(async () => {
  await browser?.close();
  await service?.stop();
});

async function signedIn(page) {
  const visitor = await Visitor.come({ browser, service });
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
