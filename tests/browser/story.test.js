// The whole story: a stranger signs in, makes a campaign and codes, sees a use as it happens, finds
// the code and gives the use back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { stage } from "./browser.js";

const scene = stage();

async function makeCampaign(page) {
  await page.getByRole("link", { name: "New campaign" }).click();
  await page.getByRole("heading", { name: "New campaign" }).waitFor();
  await page.getByLabel("Id", { exact: false }).first().fill("autumn");
  await page.getByLabel("Per cent", { exact: false }).last().fill("20");
  await page.locator("[data-path='texts.name.en'] input").fill("Autumn days");
  await page.getByRole("button", { name: "See what changes" }).click();
  await page.getByText("A new campaign.").waitFor();
}

test("from signing in to giving a use back", async () => {
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.shoot("sign-in");
  await visitor.signIn("anna");
  await page.getByRole("heading", { level: 1, name: "Live" }).waitFor();

  await visitor.go("Campaigns");
  await makeCampaign(page);
  await visitor.shoot("campaign-new");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("heading", { name: "Autumn days" }).waitFor();

  await page.getByRole("button", { name: "Generate codes" }).click();
  await page.getByRole("heading", { name: "Generate codes" }).waitFor();
  await page.getByRole("button", { name: "Generate", exact: true }).click();
  await page.getByText("1,000 codes are ready").waitFor();
  const code = (await page.locator(".codes code").first().textContent()).trim();
  assert.match(code, /^SAVE-/);
  await visitor.shoot("codes-generated");

  await visitor.go("Live");
  await page.locator(".badge.good", { hasText: "live" }).waitFor();
  const order = ["--gate", "north", "--total", "100", "--currency", "EUR"];
  const used = await scene.service.command("redeem", code, ...order);
  assert.equal(used.code, 0, used.said);
  const again = await scene.service.command("redeem", code, ...order);
  assert.equal(again.code, 1, again.said);
  await page.locator(".tile.redeemed", { hasText: "1 in all" }).waitFor();
  await page.locator(".tile.refused", { hasText: "1 in all" }).waitFor();
  await page.locator(".ranking", { hasText: "north" }).first().waitFor();
  await page.locator(".ranking", { hasText: "already used" }).waitFor();
  await visitor.shoot("live");

  await visitor.go("Codes");
  await page.getByLabel("Code or medium").fill(code.toLowerCase());
  await page.getByRole("button", { name: "Find" }).click();
  await page.locator(".badge", { hasText: "used up" }).waitFor();
  const history = page.getByRole("region", { name: "History" });
  await history.getByText("north").waitFor();
  await history.getByText("20.00 EUR").waitFor();
  await page.getByRole("region", { name: "Refused attempts" }).getByText("already used").waitFor();
  assert.ok(!page.url().includes(code), "a code is in an address");
  await visitor.shoot("code");

  await history.getByRole("button", { name: "Release" }).click();
  await visitor.shoot("code-release");
  await page.getByRole("dialog").getByRole("button", { name: "Release" }).click();
  await page.getByText("The use is given back.").waitFor();
  await page.locator(".badge", { hasText: "ready" }).waitFor();
  const free = await scene.service.command("redeem", code, ...order);
  assert.equal(free.code, 0, free.said);

  await page.getByRole("link", { name: "autumn" }).click();
  await page.getByRole("heading", { name: "Autumn days" }).waitFor();
  await page.locator(".tile", { hasText: "Used" }).getByText("1", { exact: true }).waitFor();
  await page.locator(".tile", { hasText: "Money given" }).getByText("20.00 EUR").waitFor();
  await visitor.shoot("campaign");

  await visitor.go("Audit");
  await page.getByText("campaign autumn").first().waitFor();
  await page.getByText(/^posting [0-9a-f]{32}: release$/).first().waitFor();
  await visitor.shoot("audit");
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
  assert.ok(!kept.includes(code), "a code is kept in the browser");
  await visitor.leave();
});

test("an edit shows its plan, and what stands against it at its field", async () => {
  await scene.service.campaign({
    id: "plain",
    kind: "discount",
    currency: "EUR",
    effects: [{ type: "percent", percent: "10" }],
  });
  const visitor = await scene.visitor();
  const { page } = visitor;
  await visitor.signIn("anna");
  await visitor.go("Campaigns");
  await page.getByRole("link", { name: "plain" }).click();
  await page.getByRole("link", { name: "Edit" }).click();
  const percent = page.locator("[data-path='effects[0].percent'] input");
  await percent.fill("150");
  await page.getByRole("button", { name: "See what changes" }).click();
  const mistakes = page.getByRole("alert");
  await mistakes.getByRole("button", { name: "Per cent" }).waitFor();
  assert.equal(await percent.getAttribute("aria-invalid"), "true");
  const bar = await page.locator(".bar").boundingBox();
  const { y } = await mistakes.boundingBox();
  assert.ok(y >= bar.y + bar.height, "the bar covers what is wrong");
  await visitor.shoot("campaign-mistake");
  await percent.fill("15");
  await page.getByRole("button", { name: "See what changes" }).click();
  await page.getByText("Version 2 would be made").waitFor();
  await visitor.shoot("campaign-plan");
  await page.getByRole("button", { name: "File", exact: true }).click();
  const file = page.locator("textarea.file");
  const document = JSON.parse(await file.inputValue());
  assert.equal(document.effects[0].percent, "15");
  await file.fill(JSON.stringify({ ...document, labels: ["by file"] }));
  await page.getByRole("button", { name: "See what changes" }).click();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  const stored = await scene.service.ask("GET", "/v1/campaigns/plain");
  assert.deepEqual(
    [stored.status, stored.document.labels, stored.document.effects[0].percent],
    ["paused", ["by file"], "15"],
  );
  await visitor.leave(/422/);
});
