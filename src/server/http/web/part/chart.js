// Lines and bars over time. The numbers behind a chart are also given as a table, for who cannot
// see it and for who wants to copy them.

import uPlot from "../vendor/uPlot.esm.js";
import { fill, h } from "../dom.js";
import { colour, onChange } from "../theme.js";
import { moment, number, t } from "../words.js";
import { emptyNotice } from "./notice.js";
import { table } from "./table.js";

const HEIGHT = 260;
const HEIGHT_NARROW = 200;
const NARROW = 560;

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Steps between the moments on an axis, in seconds: never less than one. */
const STEPS = [
  ...[1, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((many) => many * MINUTE),
  ...[1, 2, 3, 6, 12].map((many) => many * HOUR),
  ...[1, 2, 7, 14, 30].map((many) => many * DAY),
];

/** Steps between counts on an axis: there is no half a use. */
const WHOLE = Array.from({ length: 45 }, (_, at) => [1, 2, 5][at % 3] * 10 ** Math.floor(at / 3));

/** Rates are written with one digit behind the point. */
const TENTHS = [0.1, 0.2, 0.5, ...WHOLE];

/** So many moments are given as a table. */
const ROWS_MAX = 100;

const CLOCK = { hour: "2-digit", minute: "2-digit" };

/** What moves on shows at least so many seconds. */
const SPAN_MIN = 60;

/**
 * A chart over time.
 *
 * @param {{label: string, series: Array<{label: string, colour: string}>, bars?: boolean,
 *   time?: object, write?: (value: number) => string, signal: AbortSignal}} options
 *   `time`: how moments are written
 * @returns {{node: HTMLElement, set: (seconds: number[], values: number[][]) => void}}
 */
export function chart({ label, series, bars = false, time, write = number, signal }) {
  const hold = h("div", { class: "plot" });
  const figure = h("figure", { class: "chart", role: "img", "aria-label": label }, hold);
  const state = { plot: null, data: [[], ...series.map(() => [])], width: 0 };
  const draw = () => {
    state.plot?.destroy();
    state.plot = null;
    if (state.width === 0) return;
    const height = state.width < NARROW ? HEIGHT_NARROW : HEIGHT;
    const options = optionsOf({ series, bars, time, write, width: state.width, height });
    state.plot = new uPlot(options, state.data, hold);
  };
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width === state.width || width === 0) return;
    state.width = width;
    draw();
  });
  observer.observe(hold);
  onChange(draw, signal);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    state.plot?.destroy();
  });
  const fold = h("details", { class: "numbers" }, h("summary", {}, t("chart.table")), h("div"));
  fold.addEventListener("toggle", () => {
    const content = fold.open
      ? numbersOf({ label, series, write, stamps: fullOf(time ?? CLOCK), data: state.data })
      : [];
    fill(fold.lastElementChild, content);
  });
  const node = h("div", {}, figure, fold);
  const set = (seconds, values) => {
    state.data = [seconds, ...values];
    if (state.plot) state.plot.setData(state.data);
    else draw();
  };
  return { node, set };
}

/** How a moment is written where there is room. */
function fullOf({ hour, second, timeZone }) {
  const clock = hour ? { timeStyle: second ? "medium" : "short" } : {};
  return { dateStyle: "medium", timeZone, ...clock };
}

/** The newest moments at which there was anything. */
function numbersOf({ label, series, write, stamps, data: [seconds, ...values] }) {
  const all = seconds.map((at, index) => ({ at, values: values.map((one) => one[index] ?? 0) }));
  const rows = all
    .filter((row) => row.values.some((value) => value !== 0))
    .slice(-ROWS_MAX)
    .reverse();
  const columns = series.map((one, at) => ({
    title: one.label,
    class: "number",
    cell: (row) => write(row.values[at]),
  }));
  const when = { title: t("event.when"), cell: (row) => moment(row.at * 1000, stamps) };
  return table({ caption: label, columns: [when, ...columns], rows, empty: t("live.nothing") });
}

function optionsOf({ series, bars, time, write, width, height }) {
  const text = colour("quiet");
  const grid = { stroke: colour("line"), width: 1 };
  const font = `12px ${colour("font")}`;
  const axis = { stroke: text, font, grid, ticks: { ...grid, size: 4 } };
  // Bars of one moment stand side by side.
  const beside = (at) => uPlot.paths.bars({ size: [0.38, 18], align: at === 0 ? -1 : 1 });
  const lines = series.map(({ label, colour: name }, at) => ({
    label,
    stroke: colour(name),
    fill: `${colour(name)}${bars ? "cc" : "1f"}`,
    width: bars ? 0 : 1.75,
    paths: bars ? beside(at) : undefined,
    points: { show: false },
    value: (_, value) => (value === null || value === undefined ? "–" : write(value)),
  }));
  const stamps = time ?? CLOCK;
  const full = fullOf(stamps);
  return {
    width,
    height,
    padding: [12, 26, 0, 0],
    tzDate: stamps.timeZone
      ? (at) => uPlot.tzDate(new Date(at * 1000), stamps.timeZone)
      : undefined,
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: {
        range: (_, low, high) =>
          bars ? beyond(low, high) : [Math.min(low, high - SPAN_MIN), high],
      },
      y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high * 1.08)] },
    },
    series: [
      { label: t("event.when"), value: (_, value) => (value ? moment(value * 1000, full) : "–") },
      ...lines,
    ],
    axes: [
      {
        ...axis,
        space: stamps.second || stamps.weekday ? 104 : 80,
        incrs: STEPS,
        values: (_, all) => all.map((at) => moment(at * 1000, stamps)),
      },
      {
        ...axis,
        size: 52,
        incrs: write === number ? WHOLE : TENTHS,
        values: (_, all) => all.map((value) => write(value)),
      },
    ],
  };
}

/** Room for the half of the first and the last bar. */
function beyond(low, high) {
  const half = Math.max((high - low) / 60, SPAN_MIN / 2);
  return [low - half, high + half];
}

/**
 * Names with their numbers, each with a bar as long as its share of the largest.
 *
 * @param {{caption: string, rows: Array<{label: any, value: number, also?: string, tone?: string}>,
 *   empty: string}} options
 * @returns {HTMLElement}
 */
export function ranking({ caption, rows, empty }) {
  if (rows.length === 0) return emptyNotice(empty);
  const most = Math.max(...rows.map((row) => row.value), 1);
  const items = rows.map(({ label, value, also, tone = "accent" }) =>
    h(
      "li",
      {},
      h("span", { class: "name" }, label),
      h("span", { class: "amount" }, number(value), also ? h("small", {}, ` ${also}`) : null),
      h("span", { class: `share ${tone}`, style: { width: `${(100 * value) / most}%` } }),
    ),
  );
  return h("ol", { class: "ranking", "aria-label": caption }, items);
}

/**
 * One number with its name.
 *
 * @param {string} name
 * @param {{tone?: string}} [options]
 * @returns {{node: HTMLElement, set: (text: string, also?: string) => void}}
 */
export function tile(name, { tone = "" } = {}) {
  const value = h("strong", {}, "–");
  const also = h("small", {});
  const node = h("div", { class: `tile ${tone}` }, h("span", {}, name), value, also);
  return {
    node,
    set: (text, more = "") => {
      if (value.textContent !== text) value.textContent = text;
      if (also.textContent !== more) also.textContent = more;
    },
  };
}

/**
 * A box with a title.
 *
 * @param {string} title
 * @param {...any} content
 * @returns {HTMLElement}
 */
export const panel = (title, ...content) =>
  h("section", { class: "panel" }, h("h2", {}, title), content);
