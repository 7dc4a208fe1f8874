// Forms: every control has a label, may have a hint, and shows what the service has against it.

import { fill, freshId, h } from "../dom.js";
import { t } from "../words.js";
import { problemNotice } from "./notice.js";

/**
 * A control with its label. `path` is the name that the service gives it in problems.
 *
 * @param {string} label
 * @param {HTMLElement} control
 * @param {{hint?: string|Node, path?: string, required?: boolean, wide?: boolean}} [options]
 * @returns {HTMLElement}
 */
export function field(label, control, { hint, path, required, wide } = {}) {
  control.id ||= freshId("field");
  const hintNode = hint ? h("small", { id: `${control.id}-hint`, class: "hint" }, hint) : null;
  const error = h("small", { id: `${control.id}-error`, class: "error" });
  const described = [hintNode ? hintNode.id : null, error.id].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", described);
  if (required) control.setAttribute("required", "");
  const mark = required ? h("span", { class: "needed", "aria-hidden": "true" }, " *") : null;
  return h(
    "div",
    { class: wide ? "field wide" : "field", data: path ? { path } : {} },
    h("label", { for: control.id }, label, mark),
    control,
    hintNode,
    error,
  );
}

/**
 * A box to tick, with its label behind it.
 *
 * @param {string} label
 * @param {HTMLInputElement} control
 * @param {{hint?: string}} [options]
 * @returns {HTMLElement}
 */
export function tick(label, control, { hint } = {}) {
  control.type = "checkbox";
  control.id ||= freshId("field");
  const note = hint ? h("small", { class: "hint" }, hint) : null;
  return h("div", { class: "field tick" }, control, h("label", { for: control.id }, label, note));
}

/**
 * A choice.
 *
 * @param {Array<[string, string]>} options values and texts
 * @param {string} [value]
 * @param {object} [props]
 * @returns {HTMLSelectElement}
 */
export function choice(options, value, props = {}) {
  const nodes = options.map(([one, text]) => h("option", { value: one }, text));
  const select = h("select", props, nodes);
  select.value = value ?? options[0]?.[0] ?? "";
  return select;
}

/**
 * What a control says; undefined where it says nothing.
 *
 * @param {HTMLInputElement|HTMLTextAreaElement|HTMLSelectElement} control
 * @returns {string|undefined}
 */
export const said = (control) => control.value.trim() || undefined;

/**
 * A form. While it is sent it cannot be sent again; a problem is shown on top and at its fields.
 *
 * @param {{content: any, button: string, send: (event: SubmitEvent) => Promise<void>,
 *   also?: Node[], label?: string, danger?: boolean, plain?: boolean, heading?: Node}} options
 * @returns {HTMLFormElement}
 */
export function form({ content, button, send, also = [], label, danger, plain, heading }) {
  const slot = h("div", { class: "slot" });
  const kind = danger ? "danger" : plain ? "second" : "primary";
  const submit = h("button", { type: "submit", class: kind }, button);
  const element = h(
    "form",
    { novalidate: true, "aria-label": label },
    heading,
    slot,
    content,
    h("div", { class: "buttons" }, submit, also),
  );
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearErrors(element);
    fill(slot);
    if (lacks(element)) return;
    submit.disabled = true;
    element.setAttribute("aria-busy", "true");
    try {
      await send(event);
    } catch (problem) {
      if (problem.name !== "AbortError") showProblem(element, slot, problem);
    } finally {
      submit.disabled = false;
      element.removeAttribute("aria-busy");
    }
  });
  return element;
}

/** Tells what is wrong at first sight, and leads to the first control of these. */
function lacks(element) {
  const all = [...element.querySelectorAll("input, select, textarea")];
  const wrong = all.filter((control) => {
    const text = control.value.trim();
    const isEmpty = control.required && !text;
    const isWhole = control.inputMode !== "numeric" || /^(-?\d+)?$/.test(text);
    if (isEmpty || !isWhole)
      markError(control.closest(".field"), t(isEmpty ? "form.needed" : "form.whole"));
    return isEmpty || !isWhole;
  });
  if (wrong.length > 0) reach(wrong[0].closest(".field") ?? wrong[0]);
  return wrong.length > 0;
}

/**
 * Shows a problem in `slot`, and its mistakes at their fields.
 *
 * @param {HTMLElement} element
 * @param {HTMLElement} slot
 * @param {Error} problem
 */
function showProblem(element, slot, problem) {
  const finder = (path) => {
    const place = placeOf(element, path);
    return place ? { name: nameOfPlace(place) ?? path, go: () => reach(place) } : null;
  };
  fill(slot, problemNotice(problem, finder));
  for (const error of problem.errors ?? []) {
    const place = placeOf(element, error.path);
    if (place?.classList.contains("field")) markError(place, error.message);
  }
  slot.scrollIntoView({ block: "nearest" });
}

/** The field of a path, or the nearest group around it. */
function placeOf(element, path) {
  const all = [...element.querySelectorAll("[data-path]")];
  for (let wanted = path; wanted; wanted = wanted.replace(/(\.[^.[\]]+|\[\d+\]|^[^.[\]]+)$/, "")) {
    const found = all.find((one) => one.dataset.path === wanted);
    if (found) return found;
  }
  return null;
}

/** What people read beside the field, without what marks it as needed. */
const nameOfPlace = (place) =>
  place.querySelector(":scope > :is(label, legend, summary, h4), :scope > .field > label")
    ?.firstChild.textContent;

function reach(place) {
  for (let at = place; at; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
  }
  const control = place.querySelector("input, select, textarea, button");
  control?.focus();
  control?.scrollIntoView({ block: "center" });
}

function markError(place, message) {
  const control = place?.querySelector("input, select, textarea");
  const error = place?.querySelector(".error");
  if (!control || !error) return;
  control.setAttribute("aria-invalid", "true");
  error.textContent = message;
}

/** @param {HTMLElement} element takes back what was shown at its fields */
function clearErrors(element) {
  for (const control of element.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
  }
  for (const error of element.querySelectorAll(".error")) error.textContent = "";
}

/**
 * Asks before something is done, in a dialog of its own; the dialog closes when it is done.
 *
 * @param {{title: string, content?: any, button: string, danger?: boolean,
 *   send: () => Promise<void>}} options
 */
export function ask({ title, content = null, button, danger, send }) {
  const cancel = h(
    "button",
    { type: "button", class: "second", value: "cancel" },
    t("form.cancel"),
  );
  const heading = freshId("dialog");
  const dialog = h("dialog", { "aria-labelledby": heading });
  const inner = form({
    heading: h("h2", { id: heading }, title),
    content,
    button,
    danger,
    also: [cancel],
    send: async () => {
      await send();
      dialog.close();
    },
  });
  const before = document.activeElement;
  const shut = () => dialog.close();
  cancel.addEventListener("click", shut);
  // Who goes to another page is asked no more.
  addEventListener("hashchange", shut);
  dialog.addEventListener("close", () => {
    removeEventListener("hashchange", shut);
    dialog.remove();
    if (before?.isConnected) before.focus();
  });
  dialog.append(inner);
  document.body.append(dialog);
  dialog.showModal();
}
