// The codes of one campaign, newest first, with their filters. A code leads to its page by hand,
// never by an address.

import { get } from "../api.js";
import { h } from "../dom.js";
import { filtered } from "../part/filtered.js";
import { emptyNotice } from "../part/notice.js";
import { badge, table } from "../part/table.js";
import { go, head, link } from "../router.js";
import { may } from "../session.js";
import { day, money, named, number, t } from "../words.js";

const PAGE = 100;

export const title = (view) => t("campaign_codes.title", { id: view.id });

/** @param {{id: string, query: object, signal: AbortSignal}} view */
export async function show(view) {
  const batches = await get("/v1/batches", { campaign: view.id }, view.signal);
  const path = `/v1/campaigns/${encodeURIComponent(view.id)}/codes`;
  const list = await filtered({
    view,
    names: ["paid", "redeemed", "batch"],
    picks: () => picks(batches),
    load: async ({ text: _, ...query }, signal) => {
      const page = await get(path, { ...query, limit: PAGE }, signal);
      return { ...page, rows: page.codes };
    },
    draw: codes,
    tell: (rows) => t("campaign_codes.count", { count: number(rows.length) }),
    file: ({ batch, paid, redeemed }) => file(view.id, batch, { paid, redeemed }),
  });
  const back = h(
    "a",
    { class: "button second", href: link("campaigns", view.id) },
    t("campaigns.campaign"),
  );
  const noted = may("write_catalog")
    ? h("p", { class: "hint" }, t("campaign_codes.noted"))
    : null;
  return [head(title(view), back), list, noted];
}

/** Whole batches are taken away; of all batches together there may be too many codes. */
function file(campaign, batch, query) {
  if (!batch || !may("write_catalog")) return null;
  return {
    path: `/v1/batches/${encodeURIComponent(batch)}/codes`,
    query: { ...query, format: "csv" },
    name: `${campaign}-${batch}.csv`,
  };
}

function picks(batches) {
  const yesNo = (name) => ["yes", "no"].map((one) => [one, t(`campaign_codes.${name}_${one}`)]);
  const newest = [...batches].sort((one, other) => other.number - one.number);
  const all = [
    ["paid", yesNo("paid")],
    ["redeemed", yesNo("redeemed")],
    ["batch", newest.map((one) => [String(one.number), batchName(one)])],
  ];
  return all.map(([name, values]) => ({ name, values, any: t(`campaign_codes.any_${name}`) }));
}

const batchName = ({ number: id, label }) =>
  `${t("batch.number")} ${id}${label ? ` · ${label}` : ""}`;

function codes(rows, { after }) {
  if (rows.length === 0)
    return emptyNotice(t(after === undefined ? "campaign_codes.none" : "campaign_codes.none_yet"));
  const hasSome = (name) => rows.some((one) => one[name] !== undefined);
  const columns = [
    { title: t("code.code"), cell: codeOf },
    { title: t("code.state"), cell: (one) => badge(one.state, named("state", one.state)) },
    { title: t("code.paid"), cell: (one) => (one.paid_at ? day(one.paid_at) : "–") },
    { title: t("code.used"), class: "number", cell: used },
    hasSome("balance")
      ? {
          title: t("code.balance"),
          class: "number",
          cell: (one) => money(one.balance, one.currency),
        }
      : null,
    hasSome("holder") ? { title: t("code.holder"), cell: (one) => one.holder ?? "–" } : null,
    hasSome("valid_until")
      ? { title: t("code.valid_until"), cell: (one) => day(one.valid_until) }
      : null,
    { title: t("code.issued"), cell: (one) => day(one.issued_at) },
    {
      title: t("batch.number"),
      cell: (one) => t("code.batch", { batch: one.batch, position: number(one.position + 1) }),
    },
  ].filter(Boolean);
  const inLine = columns.map((column) => ({ class: "line", ...column }));
  return table({ caption: t("codes.title"), columns: inLine, rows });
}

/** Who sees the code itself can look it up. */
function codeOf({ code }) {
  const text = h("code", {}, code);
  if (!may("write_catalog")) return text;
  const look = () => go("codes", { code });
  return h("button", { type: "button", class: "linkish", on: { click: look } }, text);
}

const used = (one) =>
  one.max === undefined
    ? number(one.used)
    : t("code.used_of", { used: number(one.used), max: number(one.max) });
