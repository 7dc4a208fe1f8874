// Making and changing a campaign: a form that follows the schema, or the file itself. Both show the
// same document, and what the form has no words for stays in it.

import { call, get, post, Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { fieldsOf } from "../part/editors.js";
import { choice, field, form } from "../part/form.js";
import { say } from "../part/notice.js";
import { table } from "../part/table.js";
import { go, head, link } from "../router.js";
import { Schema } from "../part/schema.js";
import { language, t } from "../words.js";

/** Which fields stand together. What the schema has besides comes last by itself. */
const SECTIONS = [
  ["basics", ["id", "kind", "status", "currency", "texts", "labels"]],
  ["worth", ["effects", "balance", "account", "no_effect"]],
  ["when", ["validity", "zone", "day_begins", "week_begins"]],
  ["how_often", ["uses", "units", "limits", "customer", "passback"]],
  ["conditions", ["conditions"]],
  ["codes", ["codes", "activation", "hold_ttl", "retention"]],
  [
    "together",
    ["automatic", "order_number", "exclusion_group", "best_of", "stops", "groups", "accounting"],
  ],
];

/** Fields that the pages say themselves. */
const UNSEEN = ["format"];

/** Fields that stay as they were when the campaign was made. */
const FIXED = ["id", "kind"];

/** What a new campaign may begin with. */
const BEGINNINGS = {
  percent: () => ({
    kind: "discount",
    currency: "EUR",
    effects: [{ type: "percent", percent: "10" }],
    codes: { pattern: "SAVE-####-####" },
  }),
  voucher: () => ({
    kind: "voucher",
    currency: "EUR",
    balance: "50.00",
    codes: { pattern: "GIFT-####-####-####" },
  }),
  pass: () => ({
    kind: "pass",
    limits: [{ scope: "code", period: "day", max: 1 }],
    codes: { pattern: "PASS-####-####-####" },
  }),
  blank: () => ({ kind: "discount" }),
};

export const title = (view) => (view.id ? t("edit.title", { id: view.id }) : t("edit.new"));

/** @param {{id: string|null, signal: AbortSignal}} view */
export async function show(view) {
  const path = view.id && `/v1/campaigns/${encodeURIComponent(view.id)}`;
  const [schema, stored] = await Promise.all([
    get("/v1/schemas/campaign", {}, view.signal),
    path ? get(path, {}, view.signal) : null,
  ]);
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const first = { id: "", ...BEGINNINGS.percent(), texts: { name: { [language()]: "" } }, zone };
  const state = {
    schema: new Schema(schema),
    document: stored ? stored.document : first,
    version: stored?.version ?? null,
    isFile: false,
  };
  const hold = h("div");
  const begin = stored ? null : beginning(state, () => draw());
  const draw = () =>
    fill(hold, begin && !state.isFile ? begin : null, tabs(state, draw), page(state));
  draw();
  const back = h(
    "a",
    { class: "button second", href: view.id ? link("campaigns", view.id) : "#/campaigns" },
    t("form.cancel"),
  );
  return [head(title(view), back), hold];
}

function beginning(state, draw) {
  const options = Object.keys(BEGINNINGS).map((name) => [name, t(`begin.${name}`)]);
  const select = choice(options, "percent");
  select.addEventListener("change", () => {
    const { id, texts, zone } = state.document;
    state.document = { id, texts, zone, ...BEGINNINGS[select.value]() };
    draw();
  });
  return h(
    "div",
    { class: "panel fields" },
    field(t("edit.begin"), select, { hint: t("edit.begin.hint") }),
  );
}

function tabs(state, draw) {
  const tab = (isFile, text) => {
    const turn = () => {
      state.isFile = isFile;
      draw();
    };
    return h(
      "button",
      { type: "button", "aria-pressed": String(state.isFile === isFile), on: { click: turn } },
      text,
    );
  };
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": t("edit.view") },
    tab(false, t("edit.form")),
    tab(true, t("edit.file")),
  );
}

function page(state) {
  const text = { read: null };
  const content = state.isFile ? fileView(state, text) : formView(state);
  const planned = h("div");
  const element = form({
    content,
    button: t("edit.plan"),
    send: async () => {
      fill(planned);
      text.read?.();
      const document = tidy(state.document);
      const path = `/v1/campaigns/${encodeURIComponent(document.id ?? "")}`;
      if (!document.id) throw missingId();
      const plan = await post(`${path}/plan`, document);
      if (state.version === null && plan.current_version !== undefined) throw takenId();
      fill(planned, planView(state, document, path, plan));
      planned.querySelector("h2").focus();
    },
  });
  element.classList.add("panel");
  return [element, planned];
}

const missingId = () =>
  new Problem({
    title: t("edit.needs_id"),
    errors: [{ path: "id", message: t("form.needed") }],
  });

const takenId = () =>
  new Problem({
    title: t("edit.id_taken"),
    errors: [{ path: "id", message: t("edit.id_taken.hint") }],
  });

/** Without texts that say nothing: an empty name is no name. */
function tidy(document) {
  const texts = Object.entries(document.texts ?? {}).map(([name, by]) => [
    name,
    Object.fromEntries(Object.entries(by).filter(([, text]) => text !== "")),
  ]);
  const said = texts.filter(([, by]) => Object.keys(by).length > 0);
  const { texts: _, ...rest } = document;
  return said.length > 0 ? { ...rest, texts: Object.fromEntries(said) } : rest;
}

function formView(state) {
  const { schema } = state;
  const part = schema.plain({ $ref: "#/$defs/CampaignDocument" });
  const names = Object.keys(part.properties).filter((name) => !UNSEEN.includes(name));
  const placed = new Set(SECTIONS.flatMap(([, fields]) => fields));
  const sections = [...SECTIONS, ["more", names.filter((name) => !placed.has(name))]];
  const read = () => state.document;
  const write = (next) => {
    state.document = next;
  };
  const task = { schema, part, path: "" };
  const nodes = sections.map(([section, fields]) => {
    const here = fields.filter((name) => names.includes(name));
    if (here.length === 0) return null;
    return h(
      "section",
      { class: "part" },
      h("h2", {}, t(`section.${section}`)),
      h("div", { class: "fields" }, fieldsOf(task, here, read, write)),
    );
  });
  if (state.version !== null) for (const name of FIXED) lock(nodes, name);
  return nodes;
}

/** Shows a field that can no longer be changed as such. */
function lock(nodes, name) {
  for (const node of nodes) {
    const controls = node?.querySelectorAll(`[data-path="${name}"] :is(input, select)`) ?? [];
    for (const control of controls) control.disabled = true;
  }
}

function fileView(state, text) {
  const area = h("textarea", {
    class: "file",
    spellcheck: "false",
    rows: 28,
    value: JSON.stringify(state.document, null, 2),
  });
  const parse = () => JSON.parse(area.value);
  area.addEventListener("input", () => {
    try {
      state.document = parse();
    } catch {
      // Half-written text is no document yet; the plan says where it is wrong.
    }
  });
  text.read = () => {
    try {
      state.document = parse();
    } catch (error) {
      throw new Problem({ title: t("edit.no_json"), detail: error.message });
    }
  };
  return field(t("edit.file"), area, { hint: t("edit.file.hint"), wide: true });
}

function planView(state, document, path, plan) {
  const save = async () => {
    const headers = state.version ? { "if-match": `"${state.version}"` } : { "if-none-match": "*" };
    const saved = await call("PUT", path, { body: document, headers });
    say(t("edit.saved", { version: saved.version }));
    go(`campaigns/${encodeURIComponent(saved.id)}`);
  };
  const written = (value) =>
    value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);
  const columns = [
    { title: t("plan.where"), cell: (one) => h("code", {}, one.path) },
    {
      title: t("plan.before"),
      cell: (one) => h("span", { class: "removed" }, written(one.before)),
    },
    { title: t("plan.after"), cell: (one) => h("span", { class: "added" }, written(one.after)) },
  ];
  const isNothing = plan.change === "nothing";
  const list =
    plan.changes.length > 0
      ? table({ caption: t("plan.title"), columns, rows: plan.changes })
      : null;
  const button = form({ content: null, button: t("edit.save"), send: save });
  return h(
    "section",
    { class: "panel plan" },
    h("h2", { tabindex: -1 }, t("plan.title")),
    h("p", {}, t(`plan.${plan.change}`, { version: plan.version })),
    list,
    isNothing ? null : button,
  );
}
