// Lists that are read page by page, as their filters say. What is chosen stands in the address, so
// that it can be kept and sent; what is typed does not: it may be a code, by mistake.

import { address } from "../api.js";
import { fill, h } from "../dom.js";
import { keep } from "../router.js";
import { t } from "../words.js";
import { choice } from "./form.js";
import { problemNotice } from "./notice.js";
import { moreButton } from "./table.js";

/** Who types is asked for no more than one answer in this time. */
const TYPING_MS = 250;

/**
 * A choice: `any` says what it is when nothing is chosen. Without values it is not shown.
 *
 * @typedef {{name: string, any: string, values: Array<[string, string]>}} Pick
 */

/**
 * @param {{view: object, names: string[], picks: (page: object) => Pick[], search?: string,
 *   load: (query: object, signal: AbortSignal) => Promise<{rows: any[], after?: string}>,
 *   draw: (rows: any[], page: object) => any, tell: (rows: any[], page: object) => string,
 *   file: (query: object) => {path: string, query: object, name: string}|null}} options
 *   `names`: which choices there may be; `picks`: of the first page; `search`: what can be typed;
 *   `file`: where the same can be taken away
 * @returns {Promise<Node[]>}
 */
export async function filtered({ view, names, picks, search, load, draw, tell, file }) {
  const state = {
    chosen: Object.fromEntries(names.map((name) => [name, view.query[name] ?? ""])),
    typed: (search && view.typed) || undefined,
    rows: [],
    after: undefined,
    stop: new AbortController(),
  };
  view.signal.addEventListener("abort", () => state.stop.abort());
  const told = h("p", { class: "quiet", role: "status" });
  const taking = h("p");
  const hold = h("div");
  const query = () => ({ ...state.chosen, text: state.typed });
  const next = async () => {
    const { signal } = state.stop;
    const page = await load({ ...query(), after: state.after }, signal);
    signal.throwIfAborted();
    state.rows.push(...page.rows);
    state.after = page.after;
    told.textContent = tell(state.rows, page);
    fill(taking, fileLink(file(query())));
    fill(hold, draw(state.rows, page), page.after === undefined ? null : moreButton(next, hold));
    return page;
  };
  const renew = async () => {
    if (view.signal.aborted) return;
    state.stop.abort();
    state.stop = new AbortController();
    Object.assign(state, { rows: [], after: undefined });
    keep(state.chosen, state.typed);
    try {
      await next();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      told.textContent = "";
      fill(hold, problemNotice(problem));
    }
  };
  const first = await next();
  const bar = h(
    "div",
    { class: "filters", role: "search" },
    search ? searchField(search, state, renew) : null,
    picks(first).map((one) => pickField(one, state, renew)),
  );
  return [bar, h("div", { class: "told" }, told, taking), hold];
}

function fileLink(file) {
  if (file === null) return null;
  return h("a", { href: address(file.path, file.query), download: file.name }, t("list.file"));
}

function searchField(text, state, renew) {
  let timer = 0;
  const input = h("input", {
    type: "search",
    "aria-label": text,
    placeholder: text,
    value: state.typed,
  });
  input.addEventListener("input", () => {
    state.typed = input.value.trim() || undefined;
    clearTimeout(timer);
    timer = setTimeout(renew, TYPING_MS);
  });
  return input;
}

function pickField({ name, any, values }, { chosen }, renew) {
  // What the address says is shown, also where nothing has it any more.
  const isKnown = !chosen[name] || values.some(([value]) => value === chosen[name]);
  const all = isKnown ? values : [...values, [chosen[name], chosen[name]]];
  if (all.length === 0) return null;
  const select = choice([["", any], ...all], chosen[name], { "aria-label": any });
  select.addEventListener("change", () => {
    chosen[name] = select.value;
    renew();
  });
  return select;
}
