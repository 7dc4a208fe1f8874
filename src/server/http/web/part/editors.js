// Editors that follow a schema: new fields of documents appear by themselves. A value that no
// editor understands stays as it is.

import { fill, h } from "../dom.js";
import { language, languages, named, t, word } from "../words.js";
import { choice, field } from "./form.js";

/**
 * An editor's task: what is edited, under which name, and whom to tell.
 *
 * @typedef {{schema: object, part: object, value: any, name: string, path: string,
 *   required?: boolean, change: (value: any) => void}} Task
 */

/**
 * @param {Task} task
 * @returns {HTMLElement}
 */
export function editor(task) {
  const part = task.schema.plain(task.part);
  const known = { ...task, part };
  return EDITORS[task.schema.editor(part)](known);
}

const EDITORS = {
  kinds: kindsEditor,
  variants: variantsEditor,
  object: objectEditor,
  map: mapEditor,
  words: wordsEditor,
  texts: textsEditor,
  list: listEditor,
  choice: choiceEditor,
  switch: switchEditor,
  whole: wholeEditor,
  text: textEditor,
};

/** Further in, what must be said comes first, then these, and last what takes much room. */
const EARLY = ["name", "teaser", "from", "until", "min", "max"];
const LARGE = ["object", "map", "list", "words", "kinds"];

const label = (name) => named("field", name);

/** The schema describes in English; where the dictionary says it, too, that is shown. */
function hintOf({ part, path, bare }) {
  if (bare) return null;
  const told = word(`hint.${path.replaceAll(/\[\d+\]/g, "")}`, null);
  if (told) return told;
  if (!part.description) return null;
  const text = part.description.replaceAll("`", "").replaceAll("\n", " ");
  return language() === "en" ? text : h("span", { lang: "en" }, text);
}

function wrapped(task, control, options = {}) {
  const { name, path, required } = task;
  return field(label(name), control, { hint: hintOf(task), path, required, ...options });
}

function textEditor(task) {
  const { value, change, part } = task;
  const isShown = value === undefined || ["string", "number"].includes(typeof value);
  const isLong = part.name === undefined && /description|teaser|refusal/.test(task.path);
  const example = part.examples?.[0] ?? part.example;
  const control = h(isLong ? "textarea" : "input", {
    value: isShown ? value : JSON.stringify(value),
    placeholder: example ?? null,
    autocomplete: "off",
    spellcheck: isLong ? "true" : "false",
    on: { input: () => change(control.value === "" ? undefined : control.value) },
  });
  if (isLong) control.rows = 2;
  return wrapped(task, control);
}

function wholeEditor(task) {
  const read = (text) => (/^-?\d{1,15}$/.test(text) ? Number(text) : text);
  const control = h("input", {
    value: task.value,
    inputmode: "numeric",
    autocomplete: "off",
    on: { input: () => task.change(control.value === "" ? undefined : read(control.value.trim())) },
  });
  return wrapped(task, control);
}

function switchEditor(task) {
  const options = [
    ["", t("form.unsaid")],
    ["true", t("form.yes")],
    ["false", t("form.no")],
  ];
  const control = choice(options, task.value === undefined ? "" : String(task.value), {
    on: { change: () => task.change(control.value === "" ? undefined : control.value === "true") },
  });
  return wrapped(task, control);
}

function choiceEditor(task) {
  const words = task.part.enum.map((one) => [one, named("value", one)]);
  const isOpen = !task.required || task.value === undefined;
  const unsaid = [["", t(task.required ? "form.choose" : "form.unsaid")]];
  const control = choice(isOpen ? [...unsaid, ...words] : words, task.value ?? "", {
    on: { change: () => task.change(control.value || undefined) },
  });
  return wrapped(task, control);
}

function wordsEditor(task) {
  const chosen = new Set(task.value ?? []);
  const all = task.schema.plain(task.part.items).enum;
  const boxes = all.map((one) => {
    const box = h("input", { type: "checkbox", checked: chosen.has(one) });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(one);
      else chosen.delete(one);
      task.change(chosen.size > 0 ? all.filter((word) => chosen.has(word)) : undefined);
    });
    return h("label", {}, box, named("value", one));
  });
  return h(
    "fieldset",
    { class: "words", data: { path: task.path } },
    h("legend", {}, label(task.name)),
    boxes,
  );
}

function textsEditor(task) {
  const control = h("textarea", {
    rows: Math.max(2, (task.value ?? []).length + 1),
    value: (task.value ?? []).join("\n"),
    spellcheck: "false",
  });
  control.addEventListener("input", () => {
    const all = control.value
      .split("\n")
      .map((text) => text.trim())
      .filter(Boolean);
    task.change(all.length > 0 ? all : undefined);
  });
  const hint = [hintOf(task), " ", t("form.lines")];
  return wrapped(task, control, { hint });
}

/** A box around editors that belong together; closed as long as it says nothing. */
function box(task, isOpen, ...content) {
  return h(
    "details",
    { class: "group", open: isOpen, data: { path: task.path } },
    h("summary", {}, label(task.name), task.required ? " *" : null),
    hintOf(task) ? h("p", { class: "hint" }, hintOf(task)) : null,
    content,
  );
}

/**
 * The editors of an object's fields.
 *
 * @param {Task} task
 * @param {string[]} names which fields, in which order
 * @param {() => object} read the object as it is now
 * @param {(value: object) => void} write
 * @returns {HTMLElement[]}
 */
export function fieldsOf(task, names, read, write) {
  const { properties, required = [] } = task.part;
  const isNeeded = (name) => required.includes(name);
  const rank = (name) => {
    const early = EARLY.indexOf(name);
    const kind = task.schema.editor(task.schema.plain(properties[name]));
    const isLarge = LARGE.includes(kind);
    return (isNeeded(name) ? 0 : 100) + (isLarge ? 50 : 0) + (early < 0 ? EARLY.length : early);
  };
  // At the top the order is chosen.
  const order = task.path ? [...names].sort((one, other) => rank(one) - rank(other)) : names;
  return order.map((name) =>
    editor({
      schema: task.schema,
      part: properties[name],
      value: read()?.[name] ?? undefined,
      name,
      path: task.path ? `${task.path}.${name}` : name,
      // What an object needs is needed only where the object is.
      required: isNeeded(name) && (task.required || task.path === ""),
      change: (value) => {
        const next = { ...read() };
        if (value === undefined) delete next[name];
        else next[name] = value;
        write(next);
      },
    }),
  );
}

const isEmpty = (value) => value === undefined || Object.keys(value).length === 0;

function objectEditor(task) {
  let value = task.value;
  const names = Object.keys(task.part.properties);
  const write = (next) => {
    value = next;
    task.change(isEmpty(next) && !task.required ? undefined : next);
  };
  const fields = fieldsOf(task, names, () => value, write);
  if (task.bare) return h("div", { class: "fields", data: { path: task.path } }, fields);
  return box(task, !isEmpty(value), h("div", { class: "fields" }, fields));
}

/** Names and values; texts offer the languages of the pages. */
function mapEditor(task) {
  const isTexts = task.part.name === "BTreeMap";
  const offered = isTexts ? Object.keys(languages()) : [];
  const names = [...new Set([...offered, ...Object.keys(task.value ?? {})])];
  let value = { ...task.value };
  const rows = h("div", { class: "fields" });
  const item = isTexts ? { type: "string" } : task.part.additionalProperties;
  const row = (name) => {
    const path = `${task.path}.${name}`;
    const change = (next) => {
      if (next === undefined) delete value[name];
      else value = { ...value, [name]: next };
      task.change(isEmpty(value) ? undefined : value);
    };
    const inner = { schema: task.schema, part: item, value: value[name], name, path, change };
    const node = editor(inner);
    const tag = node.querySelector("label");
    if (tag) tag.textContent = isTexts ? (languages()[name] ?? name) : name;
    return node;
  };
  const what = t(isTexts ? "form.language" : "form.name");
  const fresh = h("input", { "aria-label": what, placeholder: what });
  const add = h("button", { type: "button", class: "second" }, t("form.add"));
  add.addEventListener("click", () => {
    const name = fresh.value.trim();
    if (!name || names.includes(name)) return;
    names.push(name);
    rows.append(row(name));
    fresh.value = "";
  });
  fill(rows, names.map(row));
  const more = h("div", { class: "adding" }, fresh, add);
  return box(task, !isEmpty(task.value), rows, more);
}

function listEditor(task) {
  let all = [...(task.value ?? [])];
  const list = h("ol", { class: "cards" });
  const tell = () => task.change(all.length > 0 ? all : undefined);
  const draw = () => fill(list, all.map(card));
  const move = (at, to) => {
    const next = [...all];
    next.splice(to, 0, ...next.splice(at, 1));
    all = next;
    tell();
    draw();
  };
  const tool = (text, title, isOff, act) =>
    h(
      "button",
      {
        type: "button",
        class: "plain",
        title,
        "aria-label": title,
        disabled: isOff,
        on: { click: act },
      },
      text,
    );
  const card = (value, at) => {
    const change = (next) => {
      all = all.map((one, index) => (index === at ? (next ?? {}) : one));
      tell();
    };
    const part = task.schema.plain(task.part.items);
    const path = `${task.path}[${at}]`;
    const inner = {
      schema: task.schema,
      part,
      value,
      name: task.name,
      path,
      required: true,
      bare: true,
      change,
    };
    const remove = () => {
      all = all.filter((_, index) => index !== at);
      tell();
      draw();
    };
    const tools = h(
      "div",
      { class: "tools" },
      tool("↑", t("form.up"), at === 0, () => move(at, at - 1)),
      tool("↓", t("form.down"), at === all.length - 1, () => move(at, at + 1)),
      tool("×", t("form.remove"), false, remove),
    );
    return h("li", { class: "card", data: { path } }, tools, editor(inner));
  };
  const text = word(`add.${task.name}`, `+ ${label(task.name)}`);
  const add = h("button", { type: "button", class: "second" }, text);
  add.addEventListener("click", () => {
    const part = task.schema.plain(task.part.items);
    const kind = part.oneOf && task.schema.kind(part.oneOf[0]);
    all = [...all, kind ? { type: kind } : {}];
    tell();
    draw();
    list.lastElementChild.querySelector("select, input")?.focus();
  });
  draw();
  return h(
    "div",
    { class: "list wide", data: { path: task.path } },
    h("h4", {}, label(task.name)),
    hintOf(task) ? h("p", { class: "hint" }, hintOf(task)) : null,
    list,
    add,
  );
}

/** An object of one of several kinds, each with its own fields. */
function kindsEditor(task) {
  const kinds = new Map(
    task.part.oneOf.map((one) => [task.schema.kind(one), task.schema.plain(one)]),
  );
  let value = task.value ?? {};
  const fields = h("div", { class: "fields" });
  const note = h("p", { class: "hint" });
  const draw = () => {
    const part = kinds.get(value.type);
    const text = part ? hintOf({ part, path: `${task.path}.type.${value.type}` }) : null;
    fill(note, text);
    if (!part) return fill(fields);
    const names = Object.keys(part.properties).filter((name) => name !== "type");
    const write = (next) => {
      value = next;
      task.change(next);
    };
    return fill(
      fields,
      fieldsOf({ ...task, part }, names, () => value, write),
    );
  };
  const words = [...kinds.keys()].map((kind) => [kind, named("value", kind)]);
  const select = choice(words, value.type, { "aria-label": t("form.kind") });
  select.addEventListener("change", () => {
    const part = kinds.get(select.value);
    const kept = Object.entries(value).filter(([name]) => name in part.properties);
    value = { ...Object.fromEntries(kept), type: select.value };
    task.change(value);
    draw();
  });
  draw();
  return h("div", { class: "kinds", data: { path: task.path } }, select, note, fields);
}

/** One of several forms of the same thing: a number or a word, a date or a stretch of dates. */
function variantsEditor(task) {
  const variants = task.part.oneOf.map((one) => task.schema.plain(one));
  let at = variants.findIndex((one) => task.schema.fits(one, task.value));
  const hold = h("div", { class: "variant" });
  const options = variants.map((one, index) => [String(index), variantName(one)]);
  const unsaid = task.required ? [] : [["", t("form.unsaid")]];
  const select = choice([...unsaid, ...options], at < 0 ? (unsaid[0]?.[0] ?? "0") : String(at));
  if (at < 0 && task.required) at = 0;
  const draw = (value) => {
    const part = variants[at];
    if (!part || part.enum?.length === 1) return fill(hold);
    const inner = editor({ ...task, part, value, required: true, bare: true });
    return fill(hold, inner);
  };
  select.addEventListener("change", () => {
    at = select.value === "" ? -1 : Number(select.value);
    const only = variants[at]?.enum;
    task.change(only?.length === 1 ? only[0] : undefined);
    draw(undefined);
  });
  draw(task.value);
  const outer = wrapped(task, select);
  return h("div", { class: "variants", data: { path: task.path } }, outer, hold);
}

function variantName(part) {
  if (part.enum) return part.enum.length === 1 ? named("value", part.enum[0]) : t("form.word");
  if (part.properties) return Object.keys(part.properties).map(label).join(" – ");
  return part.type === "integer" ? t("form.number") : t("form.one");
}
