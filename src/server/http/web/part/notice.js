// Telling people what happened: problems as the service tells them, and short news.

import { h } from "../dom.js";
import { t } from "../words.js";

/**
 * What the service has against a request, with its hint and each mistake with its place.
 *
 * @param {Error} problem
 * @param {(path: string) => {name: string, go: () => void}|null} [finder] finds the field of a
 *   path
 * @returns {HTMLElement}
 */
export function problemNotice(problem, finder = () => null) {
  const errors = problem.errors ?? [];
  const rows = errors.map((error) => {
    const place = finder(error.path);
    const where = place
      ? h("button", { type: "button", class: "linkish", on: { click: place.go } }, place.name)
      : h("code", {}, error.path || t("problem.whole"));
    const meant = error.suggestion ? ` ${t("problem.meant", { what: error.suggestion })}` : "";
    return h("li", {}, where, `: ${error.message}${meant}`);
  });
  const isOnlyField = errors.length === 1;
  return h(
    "div",
    { class: "notice bad", role: "alert" },
    h("strong", {}, problem.title ?? t("problem.unknown")),
    isOnlyField || problem.message === problem.title
      ? null
      : h("p", { lang: problem.kind ? "en" : null }, problem.message),
    rows.length > 0 ? h("ul", {}, rows) : null,
    problem.hint ? h("p", { class: "hint" }, problem.hint) : null,
  );
}

/**
 * A correct no.
 *
 * @param {object} answer
 * @returns {HTMLElement}
 */
export function refusalNotice(answer) {
  return h(
    "div",
    { class: "notice no", role: "alert" },
    h("strong", {}, answer.text),
    h("p", { class: "hint" }, h("code", {}, answer.reason), ` · ${answer.number}`),
  );
}

/**
 * @param {...(Node|string)} content
 * @returns {HTMLElement} That something was done.
 */
export const doneNotice = (...content) =>
  h("div", { class: "notice good", role: "status" }, content);

/**
 * @param {...(Node|string)} content
 * @returns {HTMLElement} That there is nothing to show.
 */
export const emptyNotice = (...content) => h("p", { class: "empty" }, content);

let quiet = 0;

/**
 * Says something short in the corner, and to who listens.
 *
 * @param {string} text
 */
export function say(text) {
  const status = document.getElementById("status");
  if (!status) return;
  status.textContent = text;
  status.classList.add("shown");
  clearTimeout(quiet);
  quiet = setTimeout(() => status.classList.remove("shown"), 5000);
}
