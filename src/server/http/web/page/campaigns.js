// Campaigns: the list, with its filters.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { choice } from "../part/form.js";
import { emptyNotice } from "../part/notice.js";
import { figures, moneyOf } from "../part/ranges.js";
import { badge, table } from "../part/table.js";
import { head, link } from "../router.js";
import { may } from "../session.js";
import { day, named, number, ofTexts, t } from "../words.js";

export const title = () => t("campaigns.title");

/** Which filters were chosen last; they stay while the pages are open. */
const chosen = { text: "", status: "", kind: "", label: "", partner: "", brand: "" };

/** @param {{signal: AbortSignal}} view */
export async function show(view) {
  const [all, totals] = await Promise.all([
    get("/v1/campaigns", {}, view.signal),
    given(view.signal),
  ]);
  const hold = h("div");
  const draw = () => fill(hold, list(all.filter(fits), totals));
  const make = may("write_catalog")
    ? h("a", { class: "button primary", href: "#/campaigns/new" }, t("campaigns.new"))
    : null;
  draw();
  return [head(title(), make), filters(all, draw), hold];
}

/** What each campaign gave lately, for who may see it. */
async function given(signal) {
  if (!may("events")) return null;
  const { series } = await figures("season", { by: "campaign" }, signal);
  return new Map(series.map((one) => [one.label, one.totals]));
}

/** Which partners or brands a campaign is only for. */
function onlyFor(type, { document }) {
  const conditions = document.conditions ?? [];
  return conditions.filter((one) => one.type === type).flatMap((one) => one.only ?? []);
}

function fits(one) {
  const { document } = one;
  const words = [one.id, ...Object.values(document.texts?.name ?? {}), ...(document.labels ?? [])];
  const text = words.join(" ").toLowerCase();
  return (
    text.includes(chosen.text.toLowerCase()) &&
    (!chosen.status || one.status === chosen.status) &&
    (!chosen.kind || one.kind === chosen.kind) &&
    (!chosen.label || (document.labels ?? []).includes(chosen.label)) &&
    ["partner", "brand"].every((type) => !chosen[type] || onlyFor(type, one).includes(chosen[type]))
  );
}

function filters(all, draw) {
  const search = h("input", {
    type: "search",
    "aria-label": t("campaigns.search"),
    placeholder: t("campaigns.search"),
    value: chosen.text,
    on: {
      input: () => {
        chosen.text = search.value;
        draw();
      },
    },
  });
  const pick = (name, values, write) => {
    const known = [...new Set(values)].sort();
    if (known.length === 0) return null;
    if (!known.includes(chosen[name])) chosen[name] = "";
    const options = [["", t(`campaigns.any_${name}`)], ...known.map((one) => [one, write(one)])];
    const select = choice(options, chosen[name], { "aria-label": t(`campaigns.any_${name}`) });
    select.addEventListener("change", () => {
      chosen[name] = select.value;
      draw();
    });
    return select;
  };
  return h(
    "div",
    { class: "filters", role: "search" },
    search,
    pick(
      "status",
      all.map((one) => one.status),
      (one) => named("value", one),
    ),
    pick(
      "kind",
      all.map((one) => one.kind),
      (one) => named("value", one),
    ),
    pick(
      "label",
      all.flatMap((one) => one.document.labels ?? []),
      (one) => one,
    ),
    ["partner", "brand"].map((type) =>
      pick(
        type,
        all.flatMap((one) => onlyFor(type, one)),
        (one) => one,
      ),
    ),
  );
}

function list(rows, totals) {
  const columns = [
    {
      title: t("campaigns.campaign"),
      by: (one) => ofTexts(one.document.texts?.name) ?? one.id,
      cell: (one) => [
        h("a", { href: link("campaigns", one.id) }, ofTexts(one.document.texts?.name) ?? one.id),
        h("small", {}, one.id),
      ],
    },
    {
      title: t("field.kind"),
      by: (one) => named("value", one.kind),
      cell: (one) => named("value", one.kind),
    },
    {
      title: t("field.status"),
      by: (one) => one.status,
      cell: (one) => badge(one.status, named("value", one.status)),
    },
    {
      title: t("field.labels"),
      cell: (one) =>
        (one.document.labels ?? []).map((label) => h("span", { class: "label" }, label)),
    },
    {
      title: t("campaigns.validity"),
      by: (one) => one.document.validity?.until ?? "9",
      cell: validity,
    },
    ...(totals ? numbers(totals) : []),
    {
      title: t("campaigns.version"),
      class: "number",
      by: (one) => one.version,
      cell: (one) => one.version,
    },
    {
      title: t("campaigns.changed"),
      class: "number",
      by: (one) => Date.parse(one.made_at),
      cell: (one) => day(one.made_at),
    },
  ];
  if (rows.length === 0) return emptyNotice(t("campaigns.none"));
  return table({ caption: title(), columns, rows, sort: { at: 0, down: false } });
}

function numbers(totals) {
  const uses = (one) => (totals.get(one.id)?.uses ?? 0) - (totals.get(one.id)?.uses_back ?? 0);
  const money = (one) => totals.get(one.id)?.money_minor;
  return [
    { title: t("campaigns.uses"), class: "number", by: uses, cell: (one) => number(uses(one)) },
    { title: t("campaigns.money"), class: "number", cell: (one) => moneyOf(money(one)) },
  ];
}

function validity({ document }) {
  const { from, until } = document.validity ?? {};
  if (!from && !until) return h("span", { class: "quiet" }, t("campaigns.always"));
  // A date of a campaign is a date of its own zone: it is written as it stands.
  const written = (text) => (text ? (text.length === 10 ? day(`${text}T00:00`) : text) : "…");
  return `${written(from)} – ${written(until)}`;
}
