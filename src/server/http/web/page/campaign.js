// One campaign: where it stands, what it gave, its codes, its versions.

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { chart, panel, tile } from "../part/chart.js";
import { ask } from "../part/form.js";
import { problemNotice, say } from "../part/notice.js";
import { places } from "../part/places.js";
import { dense, figures, moneyOf, rangeSwitch, timeOf } from "../part/ranges.js";
import { badge, facts, table } from "../part/table.js";
import { validity } from "../part/validity.js";
import { go, head, link } from "../router.js";
import { may } from "../session.js";
import { moment, named, nameOf, number, ofTexts, t } from "../words.js";

const FIGURES_EVERY_MS = 5_000;
const RANGES = ["hour", "day", "week", "month", "season"];

export const title = (view) => view.id;

/** @param {{id: string, signal: AbortSignal}} view */
export async function show(view) {
  const path = `/v1/campaigns/${encodeURIComponent(view.id)}`;
  const [campaign, batches] = await Promise.all([
    get(path, {}, view.signal),
    get("/v1/batches", { campaign: view.id }, view.signal),
  ]);
  return [
    head(nameOf(campaign), actions(campaign, path)),
    about(campaign),
    may("events") ? numbers(path, view.signal) : null,
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
  return panel(
    t("campaign.about"),
    facts([
      [t("field.id"), h("code", {}, campaign.id)],
      [t("field.status"), badge(campaign.status, named("value", campaign.status))],
      [t("field.kind"), named("value", campaign.kind)],
      [t("campaigns.validity"), validity(document) ?? t("campaigns.always")],
      [t("field.zone"), document.zone],
      [t("field.labels"), document.labels?.length ? document.labels.join(", ") : null],
      [t("campaigns.version"), `${campaign.version} · ${moment(campaign.made_at)}`],
      [t("field.description"), ofTexts(document.texts?.description)],
    ]),
  );
}

function numbers(path, signal) {
  const names = ["used", "held", "remaining", "codes"];
  const tiles = names.map((name) => [name, tile(t(`standing.${name}`))]);
  const given = tile(t("figure.money"), { tone: "money" });
  const slot = h("div");
  const hold = h("div");
  const where = h("div", { class: "columns" });
  const tell = (plot, [all, gates, reasons]) => {
    const { standing } = all;
    for (const [name, one] of tiles) {
      const unlimited = name === "remaining" && standing[name] === undefined;
      one.set(unlimited ? "∞" : number(standing[name]));
    }
    given.set(moneyOf(standing.money_minor));
    const { seconds, values } = dense(all, ["uses", "refused"]);
    plot.set(seconds, values);
    fill(where, placed(gates, "by_gate"), placed(reasons, "by_reason"));
  };
  const show = (range, signal) => {
    const plot = plotOf(range, signal);
    fill(hold, plot.node);
    const load = async () => {
      try {
        const of = (by) => figures(range, { by, path: `${path}/figures` }, signal);
        tell(plot, await Promise.all(["none", "gate", "reason"].map(of)));
        fill(slot);
      } catch (problem) {
        if (!signal.aborted) fill(slot, problemNotice(problem));
      }
    };
    load();
    const timer = setInterval(load, FIGURES_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  };
  const ranges = rangeSwitch({ names: RANGES, current: "month", signal, show });
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
    panel([t("campaign.uses"), " ", ranges], hold, where),
  );
}

const plotOf = (range, signal) =>
  chart({
    label: t("campaign.uses"),
    series: [
      { label: t("figure.uses"), colour: "accent" },
      { label: t("figure.refused"), colour: "refuse" },
    ],
    bars: true,
    time: timeOf(range),
    signal,
  });

function placed(answer, name) {
  const rows = answer.series.map(({ label, totals }) => ({
    label,
    given: totals.uses,
    refused: totals.refused,
  }));
  return h("div", {}, h("h3", {}, t(`live.${name}`)), places(name, rows));
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
  const all = h(
    "a",
    { class: "button second", href: link("campaigns", campaign.id, "codes") },
    t("campaign.all_codes"),
  );
  const buttons = [
    batches.length > 0 ? all : null,
    may("write_catalog") ? make("codes/generate", t("generate.title")) : null,
    may("write_catalog") ? make("codes/import", t("import.title")) : null,
  ];
  const rows = [...batches].sort((one, other) => other.number - one.number);
  return [
    table({
      caption: t("campaign.batches"),
      columns,
      rows,
      empty: t("batch.none"),
      sort: { at: 0, down: true },
    }),
    h("div", { class: "buttons" }, buttons),
  ];
}

function versions(path, campaign, signal) {
  const hold = h("div");
  const showVersion = async (version, pressed) => {
    for (const one of buttons) one.setAttribute("aria-pressed", String(one === pressed));
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
  const buttons = all.map((version) => {
    const turn = () => showVersion(version, button);
    const props = { type: "button", "aria-pressed": "false", on: { click: turn } };
    const button = h("button", props, String(version));
    return button;
  });
  return [
    h(
      "div",
      { class: "segments many", role: "group", "aria-label": t("campaign.versions") },
      buttons,
    ),
    hold,
  ];
}
