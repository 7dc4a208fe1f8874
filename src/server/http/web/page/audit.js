// Audit: who changed what, newest first.

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { moreButton, table } from "../part/table.js";
import { head } from "../router.js";
import { moment, named, t } from "../words.js";

const PAGE = 100;

export const title = () => t("audit.title");

/** @param {{signal: AbortSignal}} view */
export async function show(view) {
  const state = { entries: [], before: undefined, text: "" };
  const hold = h("div");
  const load = async () => {
    const page = await get("/v1/audit", { limit: PAGE, before: state.before }, view.signal);
    state.entries.push(...page.entries);
    state.before = page.before;
    draw();
  };
  const draw = () => {
    const wanted = state.text.toLowerCase();
    const rows = state.entries.filter((one) =>
      `${one.who} ${one.what}`.toLowerCase().includes(wanted),
    );
    fill(hold, list(rows), state.before === undefined ? null : moreButton(load, hold));
  };
  const search = h("input", {
    type: "search",
    "aria-label": t("audit.filter"),
    placeholder: t("audit.filter"),
  });
  search.addEventListener("input", () => {
    state.text = search.value;
    draw();
  });
  await load();
  return [head(title()), h("div", { class: "filters", role: "search" }, search), hold];
}

function list(rows) {
  const who = (one) => {
    const [, role, name] = one.who.split("/");
    return name ? [h("strong", {}, name), h("small", {}, named("role", role))] : one.who;
  };
  const columns = [
    { title: t("event.when"), cell: (one) => moment(one.at) },
    { title: t("audit.who"), cell: who },
    { title: t("audit.what"), cell: (one) => h("span", { lang: "en" }, one.what) },
    { title: t("audit.number"), class: "number", cell: (one) => one.number },
  ];
  return table({ caption: title(), columns, rows, empty: t("audit.none") });
}
