// Dark or light: as the machine says, unless the reader chose.

const KEPT = "jeton.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();

/** @returns {"dark"|"light"} */
export const theme = () => localStorage.getItem(KEPT) ?? (dark.matches ? "dark" : "light");

/** Shows the theme that is in force. */
export function apply() {
  document.documentElement.dataset.theme = theme();
  for (const listener of listeners) listener();
}

/** Keeps the other theme than the one that is shown. */
export function toggle() {
  localStorage.setItem(KEPT, theme() === "dark" ? "light" : "dark");
  apply();
}

/**
 * Calls `listener` whenever colours change, until `signal` says to stop.
 *
 * @param {() => void} listener
 * @param {AbortSignal} signal
 */
export function onChange(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
}

/**
 * A colour of the style sheet.
 *
 * @param {string} name
 * @returns {string}
 */
export const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

dark.addEventListener("change", apply);
