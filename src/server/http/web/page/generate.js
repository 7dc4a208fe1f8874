// Generating codes, as many as are wanted, with progress.

import { freshKey, lines } from "../api.js";
import { fill, h } from "../dom.js";
import { allCampaigns, campaignChoice } from "../part/campaigns.js";
import { field, form, said, tick } from "../part/form.js";
import { doneNotice, emptyNotice } from "../part/notice.js";
import { go, head } from "../router.js";
import { number, t } from "../words.js";

/** So many of the fresh codes are shown, to see what they look like. */
const SHOWN_MAX = 5;

export const title = () => t("generate.title");

/** What codes of one batch may have in common. */
export function wishes() {
  const label = h("input", { autocomplete: "off" });
  const uses = h("input", { inputmode: "numeric", autocomplete: "off" });
  const balance = h("input", { inputmode: "decimal", placeholder: "50.00", autocomplete: "off" });
  const from = h("input", { type: "date" });
  const until = h("input", { type: "date" });
  const paid = h("input");
  const node = h(
    "details",
    { class: "group" },
    h("summary", {}, t("generate.own")),
    h(
      "div",
      { class: "fields" },
      field(t("batch.label"), label, { path: "label", hint: t("generate.label.hint") }),
      field(t("field.uses"), uses, { path: "uses" }),
      field(t("field.balance"), balance, { path: "balance" }),
      field(t("code.valid_from"), from, { path: "valid_from" }),
      field(t("code.valid_until"), until, { path: "valid_until" }),
      tick(t("generate.paid"), paid, { hint: t("generate.paid.hint") }),
    ),
  );
  const read = () => ({
    label: said(label),
    uses: said(uses),
    balance: said(balance),
    valid_from: said(from),
    valid_until: said(until),
    paid_at: paid.checked ? new Date().toISOString() : undefined,
  });
  return { node, read };
}

/** @param {{handed: object|null, signal: AbortSignal}} view */
export async function show(view) {
  const all = await allCampaigns(view.signal);
  const able = all.filter((one) => one.document.codes?.pattern);
  const result = h("div", { "aria-live": "polite" });
  if (able.length === 0) return [head(title()), emptyNotice(t("generate.no_pattern"))];
  const campaign = campaignChoice(able, view.handed?.campaign);
  const count = h("input", { inputmode: "numeric", value: "1000", autocomplete: "off" });
  const wish = wishes();
  // A repeat after a broken connection goes on where it stopped.
  let key = freshKey();
  const send = async () => {
    const query = { count: said(count), ...wish.read() };
    const path = `/v1/campaigns/${encodeURIComponent(campaign.value)}/codes:generate`;
    const done = await follow(path, query, key, result, view.signal);
    key = freshKey();
    fill(result, finished(campaign.value, done));
  };
  const element = form({
    content: h(
      "div",
      { class: "fields" },
      field(t("campaigns.campaign"), campaign, { required: true }),
      field(t("generate.count"), count, { required: true, path: "count" }),
      h("div", { class: "wide" }, wish.node),
    ),
    button: t("generate.do"),
    send,
  });
  element.classList.add("panel");
  return [head(title()), element, result];
}

async function follow(path, query, key, result, signal) {
  const wanted = Number(query.count) || 0;
  const bar = h("progress", { max: Math.max(wanted, 1), "aria-label": t("generate.title") });
  bar.value = 0;
  const text = h("p", {});
  fill(result, h("div", { class: "panel" }, bar, text));
  const state = { count: 0, shown: [], last: null };
  let drawn = 0;
  try {
    await lines("POST", path, { query, key, signal }, (line) => {
      if (line.done) {
        state.last = line;
        return;
      }
      state.count += 1;
      if (state.shown.length < SHOWN_MAX) state.shown.push(line.code);
      if (performance.now() - drawn < 100) return;
      drawn = performance.now();
      bar.value = state.count;
      text.textContent = t("generate.progress", { count: number(state.count), of: number(wanted) });
    });
  } catch (problem) {
    fill(result);
    throw problem;
  }
  return state;
}

function finished(campaign, { last, shown }) {
  const take = (format, ending, text) =>
    h(
      "a",
      {
        class: "button second",
        href: `/v1/batches/${last.batch}/codes?format=${format}`,
        download: `${campaign}-${last.batch}.${ending}`,
      },
      text,
    );
  const look = (code) =>
    h(
      "button",
      { type: "button", class: "linkish", on: { click: () => go("codes", { code }) } },
      h("code", {}, code),
    );
  return doneNotice(
    h("strong", {}, t("generate.done", { count: number(last.count), batch: last.batch })),
    h(
      "ul",
      { class: "codes" },
      shown.map((code) => h("li", {}, look(code))),
    ),
    h(
      "div",
      { class: "buttons" },
      take("csv", "csv", t("generate.take_csv")),
      take("text", "txt", t("generate.take_text")),
    ),
  );
}
