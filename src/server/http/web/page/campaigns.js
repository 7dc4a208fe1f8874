// Campaigns: the list, with its filters.

import { get } from "../api.js";
import { h } from "../dom.js";
import { filtered } from "../part/filtered.js";
import { figures, moneyOf } from "../part/ranges.js";
import { badge, table } from "../part/table.js";
import { validity } from "../part/validity.js";
import { head, link } from "../router.js";
import { may } from "../session.js";
import { day, language, named, nameOf, number, t } from "../words.js";

const PATH = "/v1/campaigns";
const PAGE = 100;
const STATUSES = ["draft", "active", "paused", "ended"];
const KINDS = ["discount", "voucher", "pass", "unit", "points", "access", "surcharge"];

export const title = () => t("campaigns.title");

/** @param {{query: object, typed: string|undefined, signal: AbortSignal}} view */
export async function show(view) {
  const money = given(view.signal);
  const asked = (query) => ({ ...query, sort: query.sort || "title", language: language() });
  const list = await filtered({
    view,
    names: ["status", "kind", "label", "partner", "brand", "paid", "redeemed", "sort"],
    search: t("campaigns.search"),
    picks,
    load: async (query, signal) => {
      const page = await get(PATH, { ...asked(query), limit: PAGE }, signal);
      return { ...page, rows: page.campaigns, money: await money };
    },
    draw: (rows, page) => campaigns(rows, page.money),
    tell: (rows, page) =>
      t("campaigns.count", { count: number(rows.length), of: number(page.matching) }),
    file: (query) => ({
      path: PATH,
      query: { ...asked(query), format: "csv" },
      name: "campaigns.csv",
    }),
  });
  const make = may("write_catalog")
    ? h("a", { class: "button primary", href: "#/campaigns/new" }, t("campaigns.new"))
    : null;
  return [head(title(), make), list];
}

/** What each campaign gave lately, for who may see it. */
async function given(signal) {
  if (!may("events")) return null;
  const { series } = await figures("season", { by: "campaign" }, signal);
  return new Map(series.map((one) => [one.label, one.totals.money_minor]));
}

function picks({ known }) {
  const words = (values) => values.map((one) => [one, named("value", one)]);
  const plain = (values) => values.map((one) => [one, one]);
  const yesNo = (name) => ["yes", "no"].map((one) => [one, t(`campaigns.${name}_${one}`)]);
  const all = [
    ["status", words(STATUSES)],
    ["kind", words(KINDS)],
    ["label", plain(known.labels)],
    ["partner", plain(known.partners)],
    ["brand", plain(known.brands)],
    ["paid", yesNo("paid")],
    ["redeemed", yesNo("redeemed")],
    ["sort", [["newest", t("campaigns.newest")]]],
  ];
  return all.map(([name, values]) => ({ name, values, any: t(`campaigns.any_${name}`) }));
}

function campaigns(rows, money) {
  const columns = [
    {
      title: t("campaigns.campaign"),
      cell: (one) => [
        h("a", { href: link("campaigns", one.id) }, nameOf(one)),
        h("small", {}, one.id),
      ],
    },
    { title: t("field.kind"), cell: (one) => named("value", one.kind) },
    {
      title: t("field.status"),
      cell: (one) => badge(one.status, named("value", one.status)),
    },
    {
      title: t("field.labels"),
      cell: (one) =>
        (one.document.labels ?? []).map((label) => h("span", { class: "label" }, label)),
    },
    {
      title: t("campaigns.validity"),
      cell: ({ document }) =>
        validity(document) ?? h("span", { class: "quiet" }, t("campaigns.always")),
    },
    { title: t("standing.codes"), class: "number", cell: codes },
    { title: t("standing.used"), class: "number", cell: (one) => number(one.used) },
    money
      ? {
          title: t("campaigns.money"),
          class: "number",
          cell: (one) => moneyOf(money.get(one.id)),
        }
      : null,
    { title: t("campaigns.changed"), class: "number", cell: (one) => day(one.made_at) },
  ].filter(Boolean);
  return table({ caption: title(), columns, rows, empty: t("campaigns.none") });
}

function codes(one) {
  // Where nothing must be paid, and nothing was, there is nothing to say of it.
  const isTold = one.codes > 0 && (one.paid > 0 || one.document.activation === "paid");
  const paid = t("campaigns.paid_of", { count: number(one.paid) });
  return [number(one.codes), isTold ? h("small", {}, paid) : null];
}
