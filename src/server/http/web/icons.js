// Small drawings, of strokes in the colour of the text.

import { svg } from "./dom.js";

const PATHS = {
  live: "M3 12h4l3-7 4 14 3-7h4",
  campaigns: "M4 7h16v4a2 2 0 0 0 0 4v3H4v-3a2 2 0 0 0 0-4zM14 7v11",
  codes: "M4 6v12M7.5 6v12M11 6v12M13 6v12M16.5 6v12M20 6v12",
  accounts: "M4 7h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H4zM4 7V5h12v2M15 13h5",
  audit: "M6 4h9l4 4v12H6zM9 12h7M9 16h7",
  try: "M9 4v6l-5 9h16l-5-9V4M8 4h8M7 14h10",
  users:
    "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20a6 6 0 0 1 12 0" +
    "M16 4.5a3.5 3.5 0 0 1 0 6M17.5 14.5A6 6 0 0 1 21 20",
  sun:
    "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2v3M12 19v3M2 12h3M19 12h3" +
    "M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2",
  moon: "M20 14.5A8 8 0 1 1 9.5 4a6.5 6.5 0 0 0 10.5 10.5z",
  out: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
};

/**
 * @param {string} name
 * @returns {SVGElement} A drawing that says nothing to who cannot see it.
 */
export function icon(name) {
  const path = svg("path", { d: PATHS[name] });
  return svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}

/** @returns {SVGElement} The sign of the service. */
export function mark() {
  const coin = svg("circle", { cx: 16, cy: 16, r: 15, class: "coin" });
  const rim = svg("circle", { cx: 16, cy: 16, r: 11, class: "rim" });
  const letter = svg("path", { d: "M18 9.5v9.2a3.6 3.6 0 0 1-6.6 2", class: "letter" });
  return svg(
    "svg",
    { class: "mark", viewBox: "0 0 32 32", "aria-hidden": "true" },
    coin,
    rim,
    letter,
  );
}
