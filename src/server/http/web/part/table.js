// Tables that can be read aloud, sorted by their heads, and scrolled on narrow screens.

import { fill, h } from "../dom.js";
import { t } from "../words.js";
import { emptyNotice, problemNotice } from "./notice.js";

/**
 * A column: `title`, `cell(row)`; perhaps `class` (`number`), and `by(row)` where it sorts.
 *
 * @typedef {{title: string, cell: (row: any) => any, class?: string,
 *   by?: (row: any) => any}} Column
 */

/**
 * @param {{caption: string, columns: Column[], rows: any[], empty?: string,
 *   sort?: {at: number, down: boolean}}} options
 * @returns {HTMLElement}
 */
export function table({ caption, columns, rows, empty, sort }) {
  if (rows.length === 0 && empty) return emptyNotice(empty);
  const state = sort ? { ...sort } : null;
  const body = h("tbody");
  const heads = columns.map((column, at) => headOf(column, at, state, () => draw()));
  const draw = () => {
    const order = state && columns[state.at]?.by;
    const sorted = order ? sortedBy(rows, order, state.down) : rows;
    fill(
      body,
      sorted.map((row) => rowOf(row, columns)),
    );
    if (state) heads.forEach((head, at) => direction(head, at, state));
  };
  draw();
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      {},
      h("caption", { class: "aside" }, caption),
      h("thead", {}, h("tr", {}, heads)),
      body,
    ),
  );
}

function headOf(column, at, state, draw) {
  if (!state || !column.by) return h("th", { scope: "col", class: column.class }, column.title);
  const turn = () => {
    state.down = state.at === at ? !state.down : false;
    state.at = at;
    draw();
  };
  const button = h("button", { type: "button", on: { click: turn } }, column.title);
  return h("th", { scope: "col", class: column.class }, button);
}

function direction(head, at, state) {
  if (at === state.at) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
  else head.removeAttribute("aria-sort");
}

function sortedBy(rows, order, down) {
  const compare = (one, other) => {
    const [a, b] = [order(one), order(other)];
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a ?? "").localeCompare(String(b ?? ""), undefined, { numeric: true });
  };
  const sorted = [...rows].sort(compare);
  return down ? sorted.reverse() : sorted;
}

function rowOf(row, columns) {
  const cells = columns.map((column, at) =>
    h(
      at === 0 ? "th" : "td",
      { class: column.class, scope: at === 0 ? "row" : null },
      column.cell(row),
    ),
  );
  return h("tr", {}, cells);
}

/**
 * A button that brings what comes next. Keys go on from there: from the new button, or from the
 * table where there is no more.
 *
 * @param {() => Promise<void>} load draws `hold` anew
 * @param {HTMLElement} hold where a problem is told
 * @returns {HTMLButtonElement}
 */
export function moreButton(load, hold) {
  const button = h("button", { type: "button", class: "second more" }, t("form.more"));
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await load();
      const next = hold.querySelector(".more") ?? hold.querySelector(".scroll");
      next?.focus({ preventScroll: true });
    } catch (problem) {
      button.disabled = false;
      if (problem.name !== "AbortError") hold.prepend(problemNotice(problem));
    }
  });
  return button;
}

/**
 * Names and what they are.
 *
 * @param {Array<[string, any]>} pairs what is null or undefined is left out
 * @returns {HTMLElement}
 */
export function facts(pairs) {
  const given = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h(
    "dl",
    { class: "facts" },
    given.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/**
 * A state as a small label.
 *
 * @param {string} state
 * @param {string} text
 * @returns {HTMLElement}
 */
export const badge = (state, text) => h("span", { class: `badge ${state}` }, text);
