// Taking in own codes: a pasted list or a file, tried first if wished, with a report by line.

import { freshKey, lines, Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { allCampaigns, campaignChoice } from "../part/campaigns.js";
import { choice, field, form, tick } from "../part/form.js";
import { doneNotice, emptyNotice } from "../part/notice.js";
import { facts, table } from "../part/table.js";
import { head } from "../router.js";
import { number, t } from "../words.js";
import { wishes } from "./generate.js";

/** So many refused lines are shown; the service tells more, and counts all. */
const REFUSED_SHOWN_MAX = 500;

export const title = () => t("import.title");

/** @param {{handed: object|null, signal: AbortSignal}} view */
export async function show(view) {
  const all = await allCampaigns(view.signal);
  if (all.length === 0) return [head(title()), emptyNotice(t("campaigns.none"))];
  const result = h("div", { "aria-live": "polite" });
  const campaign = campaignChoice(all, view.handed?.campaign);
  const list = h("textarea", { rows: 8, spellcheck: "false", class: "file" });
  const file = h("input", { type: "file", accept: ".txt,.csv,.json,.ndjson,text/*" });
  const format = choice(
    ["auto", "list", "csv", "ndjson"].map((one) => [one, t(`import.${one}`)]),
    "auto",
  );
  const dry = h("input", { checked: true });
  const wish = wishes();
  let key = freshKey();
  const send = async () => {
    fill(result);
    const source = file.files[0] ?? list.value;
    if (typeof source === "string" && !source.trim())
      throw new Problem({ title: t("import.nothing") });
    const query = { ...wish.read(), format: format.value, dry_run: dry.checked };
    const path = `/v1/campaigns/${encodeURIComponent(campaign.value)}/codes:import`;
    const options = {
      query,
      text: source,
      key: dry.checked ? undefined : key,
      signal: view.signal,
    };
    const state = { refused: [], report: null, isDry: dry.checked };
    await lines("POST", path, options, (line) => {
      if (line.refused) state.refused.push(line.refused);
      if (line.report) state.report = line.report;
      if (line.progress) fill(result, report(line.progress, state));
    });
    if (!dry.checked) key = freshKey();
    fill(result, report(state.report, state));
  };
  const element = form({
    content: h(
      "div",
      { class: "fields" },
      field(t("campaigns.campaign"), campaign, { required: true }),
      field(t("import.format"), format),
      field(t("import.list"), list, { hint: t("import.list.hint"), wide: true }),
      field(t("import.file"), file),
      tick(t("import.dry"), dry, { hint: t("import.dry.hint") }),
      h("div", { class: "wide" }, wish.node),
    ),
    button: t("import.do"),
    send,
  });
  element.classList.add("panel");
  return [head(title()), element, result];
}

function report(told, { refused, isDry }) {
  const title = isDry ? t("import.tried") : t("import.done");
  const counts = facts([
    [t("import.rows"), number(told.rows)],
    [t(isDry ? "import.would_accept" : "import.accepted"), number(told.accepted)],
    [t("import.stored_before"), told.stored_before ? number(told.stored_before) : null],
    [t("import.refused"), number(told.refused)],
    [t("batch.number"), told.batch],
  ]);
  const columns = [
    { title: t("import.line"), class: "number", cell: (row) => number(row.line) },
    { title: t("import.why"), cell: (row) => row.message },
  ];
  const rows = refused.slice(0, REFUSED_SHOWN_MAX);
  const untold = told.refused - rows.length;
  return [
    doneNotice(h("strong", {}, title), counts),
    rows.length > 0
      ? h(
          "section",
          { class: "panel" },
          h("h2", {}, t("import.refused")),
          table({ caption: t("import.refused"), columns, rows }),
        )
      : null,
    untold > 0 ? h("p", { class: "quiet" }, t("import.untold", { count: number(untold) })) : null,
  ];
}
