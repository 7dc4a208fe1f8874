// Try it: what would the service say to this order, and why? Nothing is changed.

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { panel } from "../part/chart.js";
import { fieldsOf } from "../part/editors.js";
import { field, form, said } from "../part/form.js";
import { Schema } from "../part/schema.js";
import { badge, table } from "../part/table.js";
import { head, link } from "../router.js";
import { may, who } from "../session.js";
import { money, moment, named, number, t, word } from "../words.js";

/** What most orders say; the rest is folded away. */
const FIRST = ["total", "currency", "customer", "channel", "property", "gate", "units", "lines"];

/** How the service says what is asked; anything that begins with a digit is data. */
const PHRASES = [
  [/^at least (\d.*)$/, "found.least"],
  [/^at most (\d.*)$/, "found.most"],
  [/^(\d\S*) to (\d.*)$/, "found.range"],
  [/^from (\d[^,]*), before (\d.*)$/, "found.between"],
  [/^from (\d.*)$/, "found.from"],
  [/^before (\d.*)$/, "found.before"],
];

export const title = () => t("try.title");

/** @param {{signal: AbortSignal}} view */
export async function show(view) {
  const openapi = await get("/openapi.json", {}, view.signal);
  const schema = new Schema(openapi);
  const part = schema.plain({ $ref: "#/components/schemas/OrderBody" });
  const names = Object.keys(part.properties);
  const state = { order: { currency: "EUR" } };
  const read = () => state.order;
  const write = (next) => {
    state.order = next;
  };
  const task = { schema, part, path: "order" };
  const codes = h("textarea", {
    rows: 2,
    spellcheck: "false",
    class: "code",
    autocapitalize: "characters",
  });
  const now = h("input", { type: "datetime-local" });
  const result = h("div", { "aria-live": "polite" });
  const send = async () => {
    fill(result);
    const given = codes.value.split(/[\s,;]+/).filter(Boolean);
    const body = { codes: given, order: state.order, explain: true, exact: true };
    if (said(now)) body.now = new Date(now.value).toISOString();
    fill(result, answerView(await post("/v1/validate", body, { signal: view.signal })));
  };
  const rest = names.filter((name) => !FIRST.includes(name));
  const mayChoose = ["office", "admin"].includes(who().role);
  const element = form({
    content: [
      field(t("try.codes"), codes, { hint: t("try.codes.hint"), path: "codes", wide: true }),
      h(
        "div",
        { class: "fields" },
        fieldsOf(
          task,
          FIRST.filter((name) => names.includes(name)),
          read,
          write,
        ),
      ),
      h(
        "details",
        { class: "group" },
        h("summary", {}, t("try.more")),
        h(
          "div",
          { class: "fields" },
          mayChoose ? field(t("try.now"), now, { hint: t("try.now.hint"), path: "now" }) : null,
          fieldsOf(task, rest, read, write),
        ),
      ),
    ],
    button: t("try.do"),
    send,
  });
  element.classList.add("panel");
  return [head(title()), h("p", { class: "lead" }, t("try.lead")), element, result];
}

function answerView(answer) {
  const explained = answer.explanation?.campaigns ?? [];
  return [
    answer.ok ? yesView(answer) : noView(answer),
    explained.map((one) => why(one, answer.currency)),
  ];
}

function yesView(answer) {
  const { currency } = answer;
  const worths = answer.uses.map((used) =>
    h(
      "li",
      {},
      campaignName(used.campaign),
      ": ",
      t("try.off", { amount: money(used.worth, currency) }),
      used.remaining === undefined
        ? null
        : ` · ${t("try.remaining", { count: number(used.remaining) })}`,
      used.balance === undefined
        ? null
        : ` · ${t("code.balance")}: ${money(used.balance, currency)}`,
      (used.products ?? []).map((one) => ` · ${one.quantity} × ${one.product}`),
    ),
  );
  const left = (answer.left_out ?? []).map((one) => h("li", {}, one.text));
  const total =
    answer.total_after === undefined
      ? null
      : h(
          "p",
          { class: "total" },
          t("try.pays", { before: money(answer.total_before, currency) }),
          " ",
          h("strong", {}, money(answer.total_after, currency)),
        );
  return h(
    "div",
    { class: "verdict yes" },
    h("h2", {}, t("try.yes")),
    total,
    h("ul", {}, worths, left),
  );
}

function noView(answer) {
  const details = [
    [t("try.limit"), answer.limit && named("value", answer.limit)],
    [
      t("try.used"),
      answer.used === undefined || answer.max === undefined
        ? null
        : `${number(answer.used)} / ${number(answer.max)}`,
    ],
    [t("try.missing"), answer.missing && named("field", answer.missing)],
    [t("try.rule"), answer.rule && named("value", answer.rule)],
    [t("try.conflicts"), answer.conflicts_with],
    [t("try.next"), answer.next_valid_at ? moment(answer.next_valid_at) : null],
    [t("try.resets"), answer.resets_at ? moment(answer.resets_at) : null],
  ].filter(([, value]) => value);
  return h(
    "div",
    { class: "verdict no" },
    h("h2", {}, t("try.no")),
    h("p", {}, answer.text, " ", h("small", {}, `${answer.reason} · ${answer.number}`)),
    details.length > 0
      ? h(
          "ul",
          {},
          details.map(([name, value]) => h("li", {}, `${name}: ${value}`)),
        )
      : null,
  );
}

const campaignName = (id) =>
  may("read_catalog") ? h("a", { href: link("campaigns", id) }, id) : id;

function why(one, currency) {
  const state = one.refused
    ? badge("bad", named("reason", one.refused.reason))
    : badge("good", t("try.applies"));
  return panel(
    [t("try.campaign"), " ", campaignName(one.campaign), " ", state],
    one.findings.length > 0
      ? h("ul", { class: "findings" }, one.findings.map(finding))
      : h("p", { class: "quiet" }, t("try.no_conditions")),
    one.effects.length > 0 ? effects(one.effects, currency) : null,
    one.limits.length > 0 ? limits(one.limits) : null,
  );
}

function finding(one) {
  const sign = h(
    "span",
    { class: one.holds ? "sign yes" : "sign no", "aria-hidden": "true" },
    one.holds ? "✓" : "✗",
  );
  const said = h("span", { class: "aside" }, t(one.holds ? "try.holds" : "try.fails"));
  return h(
    "li",
    {},
    sign,
    said,
    h("strong", {}, named("value", one.rule)),
    h(
      "span",
      {},
      `${t("try.asked")} `,
      h("q", {}, inWords(one.rule, one.asked)),
      ` – ${t("try.found")} `,
      h("q", {}, inWords(one.rule, one.found)),
    ),
  );
}

/** Of what the service found and says in English, the usual is said in the reader's language. */
function inWords(rule, text) {
  const key = text.replaceAll(" ", "_");
  const usual = word(`found.${rule}.${key}`, word(`found.${key}`, null));
  if (usual) return usual;
  for (const [pattern, phrase] of PHRASES) {
    const parts = pattern.exec(text);
    if (parts) return t(phrase, { one: parts[1], other: parts[2] });
  }
  return text;
}

function effects(rows, currency) {
  const columns = [
    { title: t("try.effect"), cell: (one) => named("value", one.effect) },
    { title: t("plan.before"), class: "number", cell: (one) => money(one.before, currency) },
    { title: t("plan.after"), class: "number", cell: (one) => money(one.after, currency) },
  ];
  return table({ caption: t("try.effects"), columns, rows });
}

function limits(rows) {
  const columns = [
    { title: t("try.limit"), cell: (one) => named("value", one.name) },
    { title: t("field.scope"), cell: (one) => named("value", one.scope) },
    { title: t("try.used"), class: "number", cell: (one) => number(one.used) },
    { title: t("code.held"), class: "number", cell: (one) => number(one.held) },
    { title: t("try.would"), class: "number", cell: (one) => number(one.asked) },
    {
      title: t("field.max"),
      class: "number",
      cell: (one) => (one.max === undefined ? "∞" : number(one.max)),
    },
    { title: t("try.resets"), cell: (one) => (one.resets_at ? moment(one.resets_at) : "–") },
  ];
  return table({ caption: t("try.limits"), columns, rows });
}
