// One campaign: where it stands, what it gave, its codes, its versions.

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { chart, panel, ranking, tile } from "../part/chart.js";
import { ask } from "../part/form.js";
import { problemNotice, say } from "../part/notice.js";
import { dense, figures, moneyOf, rangeSwitch, timeOf } from "../part/ranges.js";
import { badge, facts, table } from "../part/table.js";
import { go, head, link } from "../router.js";
import { may } from "../session.js";
import { moment, named, number, ofTexts, t } from "../words.js";

const FIGURES_EVERY_MS = 5_000;

export const title = (view) => view.id;

/** @param {{id: string, signal: AbortSignal}} view */
export async function show(view) {
  const path = `/v1/campaigns/${encodeURIComponent(view.id)}`;
  const [campaign, batches] = await Promise.all([
    get(path, {}, view.signal),
    get("/v1/batches", { campaign: view.id }, view.signal),
  ]);
  const name = ofTexts(campaign.document.texts?.name) ?? campaign.id;
  return [
    head(name, actions(campaign, path)),
    about(campaign),
    may("events") ? numbers(path, campaign, view.signal) : null,
    panel(t("campaign.batches"), batchList(batches, campaign)),
    panel(t("campaign.versions"), versions(path, campaign, view.signal)),
  ];
}

function actions(campaign, path) {
  if (!may("write_catalog")) return [];
  const change = (status) => async () => {
    const headers = { "if-match": `"${campaign.version}"` };
    await post(`${path}/status`, { status }, { headers });
    say(t("campaign.is_now", { status: named("value", status) }));
    go(`campaigns/${encodeURIComponent(campaign.id)}`);
  };
  const button = (status, text, danger = false) => {
    const open = () =>
      ask({
        title: t(`campaign.${text}`),
        content: h("p", {}, t(`campaign.${text}.hint`)),
        button: t(`campaign.${text}`),
        danger,
        send: change(status),
      });
    return h(
      "button",
      { type: "button", class: "second", on: { click: open } },
      t(`campaign.${text}`),
    );
  };
  const { status } = campaign;
  return [
    status === "active" ? button("paused", "pause") : null,
    status === "paused" || status === "draft"
      ? button("active", status === "draft" ? "publish" : "resume")
      : null,
    status === "ended" ? button("active", "reopen") : button("ended", "end", true),
    h(
      "a",
      { class: "button primary", href: link("campaigns", campaign.id, "edit") },
      t("campaign.edit"),
    ),
  ];
}

function about(campaign) {
  const { document } = campaign;
  const { validity = {} } = document;
  const until =
    validity.from || validity.until ? `${validity.from ?? "…"} – ${validity.until ?? "…"}` : null;
  return panel(
    t("campaign.about"),
    facts([
      [t("field.id"), h("code", {}, campaign.id)],
      [t("field.status"), badge(campaign.status, named("value", campaign.status))],
      [t("field.kind"), named("value", campaign.kind)],
      [t("campaigns.validity"), until],
      [t("field.zone"), document.zone],
      [t("field.labels"), document.labels?.length ? document.labels.join(", ") : null],
      [t("campaigns.version"), `${campaign.version} · ${moment(campaign.made_at)}`],
      [t("field.description"), ofTexts(document.texts?.description)],
    ]),
  );
}

function numbers(path, campaign, signal) {
  const state = { range: "month" };
  const names = ["used", "held", "remaining", "codes"];
  const tiles = names.map((name) => [name, tile(t(`standing.${name}`))]);
  const given = tile(t("figure.money"), { tone: "money" });
  const hold = h("div");
  const slot = h("div");
  const where = h("div", { class: "columns" });
  const parts = { plot: null, plotSignal: null };
  const begin = () => {
    parts.plotSignal?.abort();
    parts.plotSignal = new AbortController();
    parts.plot = chart({
      label: t("campaign.uses"),
      series: [
        { label: t("figure.uses"), colour: "accent" },
        { label: t("figure.refused"), colour: "refuse" },
      ],
      bars: true,
      time: timeOf(state.range),
      signal: parts.plotSignal.signal,
    });
    fill(hold, parts.plot.node);
  };
  const load = async () => {
    const { plot } = parts;
    try {
      const of = (by) => figures(state.range, { by, path: `${path}/figures` }, signal);
      const [all, gates, reasons] = await Promise.all([of("none"), of("gate"), of("reason")]);
      fill(slot);
      const { standing } = all;
      for (const [name, one] of tiles) {
        const unlimited = name === "remaining" && standing[name] === undefined;
        one.set(unlimited ? "∞" : number(standing[name]));
      }
      given.set(moneyOf(standing.money_minor));
      const { seconds, values } = dense(all, ["uses", "refused"]);
      plot.set(seconds, values);
      fill(where, places(gates, "uses", "by_gate"), places(reasons, "refused", "by_reason"));
    } catch (problem) {
      if (problem.name !== "AbortError") fill(slot, problemNotice(problem));
    }
  };
  const choose = (range) => {
    state.range = range;
    begin();
    load();
  };
  choose(state.range);
  const timer = setInterval(load, FIGURES_EVERY_MS);
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    parts.plotSignal.abort();
  });
  return h(
    "div",
    {},
    slot,
    h(
      "div",
      { class: "tiles" },
      tiles.map(([, one]) => one.node),
      given.node,
    ),
    panel(
      [
        t("campaign.uses"),
        " ",
        rangeSwitch(["hour", "day", "week", "month", "season"], state.range, choose),
      ],
      hold,
      where,
    ),
  );
}

function places(answer, key, name) {
  const rows = answer.series
    .map(({ label, totals }) => ({
      label:
        name === "by_reason" ? named("reason", label) : label || h("em", {}, t("figure.unsaid")),
      value: totals[key] ?? 0,
      tone: name === "by_reason" ? "refuse" : "accent",
    }))
    .filter((row) => row.value > 0);
  const list = ranking({ caption: t(`live.${name}`), rows, empty: t("live.nothing") });
  return h("div", {}, h("h3", {}, t(`live.${name}`)), list);
}

/**
 * Batches, each with its codes to take away.
 *
 * @param {object[]} batches
 * @param {object} campaign
 */
function batchList(batches, campaign) {
  const take = (batch, format) =>
    h(
      "a",
      {
        href: `/v1/batches/${batch.number}/codes?format=${format}`,
        download: `${campaign.id}-${batch.number}.${format === "csv" ? "csv" : "txt"}`,
      },
      format === "csv" ? "CSV" : t("campaign.text_file"),
    );
  const columns = [
    {
      title: t("batch.number"),
      class: "number",
      by: (one) => one.number,
      cell: (one) => one.number,
    },
    { title: t("batch.label"), by: (one) => one.label, cell: (one) => one.label || "–" },
    { title: t("batch.source"), cell: (one) => named("source", one.source) },
    {
      title: t("batch.codes"),
      class: "number",
      by: (one) => one.stored,
      cell: (one) => number(one.stored - one.removed),
    },
    {
      title: t("batch.issued"),
      by: (one) => Date.parse(one.issued_at),
      cell: (one) => moment(one.issued_at),
    },
    { title: t("batch.paid"), cell: (one) => (one.paid_at ? moment(one.paid_at) : "–") },
    may("write_catalog")
      ? { title: t("batch.export"), cell: (one) => [take(one, "csv"), " · ", take(one, "text")] }
      : null,
  ].filter(Boolean);
  const make = (page, text) =>
    h(
      "button",
      { type: "button", class: "second", on: { click: () => go(page, { campaign: campaign.id }) } },
      text,
    );
  const buttons = may("write_catalog")
    ? h(
        "div",
        { class: "buttons" },
        make("codes/generate", t("generate.title")),
        make("codes/import", t("import.title")),
      )
    : null;
  const rows = [...batches].sort((one, other) => other.number - one.number);
  return [
    table({
      caption: t("campaign.batches"),
      columns,
      rows,
      empty: t("batch.none"),
      sort: { at: 0, down: true },
    }),
    buttons,
  ];
}

function versions(path, campaign, signal) {
  const hold = h("div");
  const showVersion = async (version) => {
    try {
      const found = await get(path, { version }, signal);
      fill(
        hold,
        h(
          "p",
          { class: "quiet" },
          t("campaign.version_made", { version, at: moment(found.made_at) }),
        ),
        h("pre", { tabindex: 0 }, JSON.stringify(found.document, null, 2)),
      );
    } catch (problem) {
      fill(hold, problemNotice(problem));
    }
  };
  const all = Array.from({ length: campaign.version }, (_, at) => campaign.version - at);
  const buttons = all.map((version) =>
    h("button", { type: "button", on: { click: () => showVersion(version) } }, String(version)),
  );
  return [
    h(
      "div",
      { class: "segments many", role: "group", "aria-label": t("campaign.versions") },
      buttons,
    ),
    hold,
  ];
}
