// Stretches of time that charts show, and figures over them.

import { get } from "../api.js";
import { h } from "../dom.js";
import { minor, number, t } from "../words.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What each range asks for, and how its moments are written. A day is a date, not a moment. */
const RANGES = {
  hour: { step: "minute", ms: HOUR_MS, time: { hour: "2-digit", minute: "2-digit" } },
  day: { step: "hour", ms: DAY_MS, time: { weekday: "short", hour: "2-digit", minute: "2-digit" } },
  week: {
    step: "hour",
    ms: 7 * DAY_MS,
    time: { day: "numeric", month: "numeric", hour: "2-digit", minute: "2-digit" },
  },
  month: {
    step: "day",
    ms: 30 * DAY_MS,
    time: { day: "numeric", month: "short", timeZone: "UTC" },
  },
  season: {
    step: "day",
    ms: 180 * DAY_MS,
    time: { day: "numeric", month: "short", timeZone: "UTC" },
  },
};

const STEP_MS = { minute: 60_000, hour: HOUR_MS, day: DAY_MS };

/** @param {string} range @returns {object} How moments of a range are written. */
export const timeOf = (range) => RANGES[range].time;

/**
 * Buttons to choose a range. Each range is shown until another one is chosen: its `signal` ends
 * then, and with the page's.
 *
 * @param {{names: string[], current: string, signal: AbortSignal,
 *   show: (name: string, signal: AbortSignal) => void}} options
 * @returns {HTMLElement}
 */
export function rangeSwitch({ names, current, signal, show }) {
  const shown = { stop: null };
  signal.addEventListener("abort", () => shown.stop.abort());
  const choose = (name) => {
    shown.stop?.abort();
    shown.stop = new AbortController();
    show(name, shown.stop.signal);
  };
  const buttons = names.map((name) => {
    const turn = () => {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
      choose(name);
    };
    const props = { type: "button", "aria-pressed": String(name === current), on: { click: turn } };
    const button = h("button", props, t(`range.${name}`));
    return button;
  });
  choose(current);
  return h("div", { class: "segments", role: "group", "aria-label": t("range.title") }, buttons);
}

/**
 * The figures of a range.
 *
 * @param {string} range
 * @param {{by?: string, campaign?: string, path?: string}} of
 * @param {AbortSignal} signal
 * @returns {Promise<object>}
 */
export function figures(range, { by = "none", path = "/v1/figures" } = {}, signal) {
  const { step, ms } = RANGES[range];
  const edge = Math.floor((Date.now() - ms) / STEP_MS[step]) * STEP_MS[step];
  const from = new Date(edge).toISOString();
  return get(path, { step, by, from: step === "day" ? from.slice(0, 10) : from }, signal);
}

/**
 * A series with a value for every bucket of its range, also where nothing happened.
 *
 * @param {object} answer
 * @param {string[]} names which values
 * @returns {{seconds: number[], values: number[][]}}
 */
export function dense(answer, names) {
  const ms = STEP_MS[answer.step];
  const points = new Map();
  for (const series of answer.series) {
    for (const point of series.points) {
      const at = Math.floor(Date.parse(point.at) / ms) * ms;
      points.set(at, [...(points.get(at) ?? []), point]);
    }
  }
  const first = Math.floor(Date.parse(answer.from) / ms) * ms;
  const last = Math.max(Date.parse(answer.to), ...points.keys());
  const seconds = [];
  const values = names.map(() => []);
  for (let at = first; at <= last; at += ms) {
    const here = points.get(at) ?? [];
    seconds.push(at / 1000);
    names.forEach((name, index) => {
      values[index].push(here.reduce((sum, point) => sum + (point[name] ?? 0), 0));
    });
  }
  return { seconds, values };
}

/**
 * Money by currency.
 *
 * @param {object|undefined} amounts minor units by currency
 * @returns {string}
 */
export function moneyOf(amounts) {
  const all = Object.entries(amounts ?? {}).filter(([, value]) => value !== 0);
  return all.length === 0
    ? number(0)
    : all.map(([currency, value]) => minor(value, currency)).join(" · ");
}
