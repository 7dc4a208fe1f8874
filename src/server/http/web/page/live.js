// Live: what happens at this second, and what happened over longer stretches.

import { h, fill } from "../dom.js";
import { chart, panel, tile } from "../part/chart.js";
import { problemNotice } from "../part/notice.js";
import { places } from "../part/places.js";
import { dense, figures, moneyOf, rangeSwitch, timeOf } from "../part/ranges.js";
import { facts, badge, table } from "../part/table.js";
import { head } from "../router.js";
import { call } from "../api.js";
import { named, number, rate, t, took } from "../words.js";

const POINTS_MAX = 600;
const SPOKEN_EVERY_MS = 15_000;
const FIGURES_EVERY_MS = 10_000;
/** What each part shows. */
const shown = new WeakMap();

const PLACES = ["by_property", "by_gate", "by_campaign", "by_reason"];
const VERBS = ["redeemed", "refused", "validated", "held", "confirmed", "released"];

export const title = () => t("live.title");

/** @param {{signal: AbortSignal}} view */
export async function show(view) {
  const content = h("div");
  const ranges = rangeSwitch({
    names: ["live", "hour", "day", "week", "season"],
    current: "live",
    signal: view.signal,
    show: (range, signal) =>
      fill(content, range === "live" ? livePart(signal) : pastPart(range, signal)),
  });
  return [head(title(), ranges), content];
}

function livePart(signal) {
  const mark = badge("wait", t("live.connecting"));
  const tiles = VERBS.map((name) => [name, tile(t(`figure.${name}`), { tone: name })]);
  const plot = chart({
    label: t("live.chart"),
    series: [
      { label: t("figure.redeemed"), colour: "accent" },
      { label: t("figure.refused"), colour: "refuse" },
    ],
    time: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
    write: rate,
    signal,
  });
  const spoken = h("p", { class: "aside", "aria-live": "polite" });
  const lists = PLACES.map((name) => [name, h("div")]);
  const latency = h("div");
  const ledger = h("div");
  const parts = { mark, tiles, plot, spoken, lists, latency, ledger };
  listen(parts, signal);
  return [
    h(
      "div",
      { class: "tiles" },
      tiles.map(([, one]) => one.node),
    ),
    panel([t("live.chart"), " ", mark], plot.node, spoken),
    h(
      "div",
      { class: "columns" },
      lists.map(([name, node]) => panel(recent(t(`live.${name}`)), node)),
    ),
    h(
      "div",
      { class: "columns wide" },
      panel(recent(t("live.latency")), latency),
      panel(t("live.ledger"), ledger),
    ),
  ];
}

const recent = (title) => [title, " ", h("small", {}, t("live.recent"))];

function listen(parts, signal) {
  const source = new EventSource("/v1/live");
  const state = { points: [], spokenAt: 0 };
  signal.addEventListener("abort", () => source.close());
  source.addEventListener("history", (event) => {
    state.points = JSON.parse(event.data).points;
    draw(parts, state);
  });
  source.addEventListener("live", (event) => {
    const now = JSON.parse(event.data);
    state.points = [...state.points, now].slice(-POINTS_MAX);
    mark(parts.mark, "good", t("live.on"));
    draw(parts, state);
    tell(parts, now, state);
  });
  source.addEventListener("error", () => {
    mark(parts.mark, "bad", t("live.off"));
    // A stream that is refused does not come back by itself; asking shows whether the session
    // ended.
    if (source.readyState === EventSource.CLOSED) call("GET", "/v1/session").catch(() => {});
  });
}

function mark(node, state, text) {
  node.className = `badge ${state}`;
  if (node.textContent !== text) node.textContent = text;
}

function draw(parts, { points }) {
  const seconds = points.map((point) => Date.parse(point.at) / 1000);
  const of = (name) => points.map((point) => point.per_second[name]);
  parts.plot.set(seconds, [of("redeemed"), of("refused")]);
}

function tell(parts, now, state) {
  for (const [name, one] of parts.tiles) {
    one.set(rate(now.per_second[name]), t("live.total", { count: number(now.totals?.[name]) }));
  }
  for (const [name, node] of parts.lists) renewPlaces(node, name, now[name] ?? []);
  renew(parts.latency, now.latency ?? {}, latencyOf);
  renew(parts.ledger, now.ledger ?? {}, ledgerOf);
  if (Date.now() - state.spokenAt > SPOKEN_EVERY_MS) {
    state.spokenAt = Date.now();
    const { redeemed, refused } = now.per_second;
    parts.spoken.textContent = t("live.spoken", {
      redeemed: rate(redeemed),
      refused: rate(refused),
    });
  }
}

/** What somebody is just reading with the keyboard stays, and so does what says the same. */
function renew(node, value, draw) {
  const text = JSON.stringify(value);
  if (shown.get(node) === text || node.contains(document.activeElement)) return;
  shown.set(node, text);
  fill(node, draw(value));
}

function renewPlaces(node, name, rows) {
  const told = rows.map(({ label, redeemed, refused }) => ({ label, given: redeemed, refused }));
  renew(node, told, () => places(name, told));
}

function latencyOf(doors) {
  const rows = Object.entries(doors).map(([door, value]) => ({ door, ...value }));
  const column = (key) => ({
    title: key.slice(0, 3),
    class: "number",
    cell: (row) => took(row[key]),
  });
  return table({
    caption: t("live.latency"),
    columns: [
      { title: t("live.door"), cell: (row) => h("code", {}, row.door) },
      column("p50_ms"),
      column("p90_ms"),
      column("p99_ms"),
      { title: t("live.requests"), class: "number", cell: (row) => number(row.count) },
    ],
    rows,
    empty: t("live.nothing"),
  });
}

function ledgerOf(ledger) {
  const isWell = ledger.ready && (ledger.health ?? "good") === "good";
  const shown = ["queue", "codes", "holds", "last_event"].map((name) => [
    t(`ledger.${name}`),
    typeof ledger[name] === "number" ? number(ledger[name]) : ledger[name],
  ]);
  return facts([
    [t("ledger.health"), badge(isWell ? "good" : "bad", named("health", ledger.health ?? "good"))],
    [t("ledger.kind"), named("store", ledger.kind)],
    [t("ledger.durability"), ledger.durability ? h("code", {}, String(ledger.durability)) : null],
    ledger.redis_away ? ["Redis", badge("bad", t("ledger.away"))] : ["", null],
    ...shown,
  ]);
}

function pastPart(range, signal) {
  const hold = h("div", {}, h("p", { class: "quiet" }, t("loading")));
  const parts = pastParts(range, signal);
  const load = async () => {
    try {
      const asked = ["none", ...PLACES.map((name) => name.slice(3))].map((by) =>
        figures(range, { by }, signal),
      );
      const [all, ...answers] = await Promise.all(asked);
      if (!parts.isShown) fill(hold, parts.nodes);
      parts.isShown = true;
      parts.tell(all, answers);
    } catch (problem) {
      if (signal.aborted) return;
      parts.isShown = false;
      fill(hold, problemNotice(problem));
    }
  };
  load();
  const timer = setInterval(load, FIGURES_EVERY_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return hold;
}

function pastParts(range, signal) {
  const names = ["redeemed", "refused", "released", "held", "expired"];
  const tiles = names.map((name) => [name, tile(t(`figure.${name}`), { tone: name })]);
  const given = tile(t("figure.money"), { tone: "money" });
  const plot = chart({
    label: t(`range.${range}`),
    series: [
      { label: t("figure.redeemed"), colour: "accent" },
      { label: t("figure.refused"), colour: "refuse" },
    ],
    time: timeOf(range),
    signal,
  });
  const lists = PLACES.map((name) => [name, h("div")]);
  const tell = (all, answers) => {
    for (const [name, one] of tiles) one.set(number(all.totals[name]));
    given.set(moneyOf(all.totals.money_minor));
    const { seconds, values } = dense(all, ["redeemed", "refused"]);
    plot.set(seconds, values);
    lists.forEach(([name, node], at) => {
      const rows = answers[at].series.map(({ label, totals }) => ({ label, ...totals }));
      renewPlaces(node, name, rows);
    });
  };
  const nodes = [
    h(
      "div",
      { class: "tiles" },
      tiles.map(([, one]) => one.node),
      given.node,
    ),
    panel(t(`range.${range}`), plot.node),
    h(
      "div",
      { class: "columns" },
      lists.map(([name, node]) => panel(t(`live.${name}`), node)),
    ),
  ];
  return { nodes, tell, isShown: false };
}
