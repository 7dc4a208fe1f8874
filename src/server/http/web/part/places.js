// Where figures come from, the largest first: properties, gates, campaigns, and why it was no.

import { h } from "../dom.js";
import { link } from "../router.js";
import { may } from "../session.js";
import { named, number, t } from "../words.js";
import { ranking } from "./chart.js";

/** So many places are shown. */
const SHOWN_MAX = 20;

/**
 * Places with what was given there and how often it was refused.
 *
 * @param {"by_property"|"by_gate"|"by_campaign"|"by_reason"} name
 * @param {Array<{label: string, given?: number, refused?: number}>} rows
 * @returns {HTMLElement}
 */
export function places(name, rows) {
  const isReason = name === "by_reason";
  const all = rows
    .map(({ label, given = 0, refused = 0 }) => ({
      label: labelOf(name, label),
      value: isReason ? refused : given,
      also: !isReason && refused > 0 ? t("live.and_refused", { count: number(refused) }) : "",
      tone: isReason ? "refuse" : "accent",
    }))
    .filter((row) => row.value > 0 || row.also)
    .sort((one, other) => other.value - one.value);
  const shown = all.slice(0, SHOWN_MAX);
  return ranking({ caption: t(`live.${name}`), rows: shown, empty: t("live.nothing") });
}

/** A label as people read it; campaigns lead to their page. */
function labelOf(name, label) {
  if (name === "by_reason") return named("reason", label);
  if (label === "") return h("em", {}, t("figure.unsaid"));
  if (label === "other") return h("em", {}, t("figure.other"));
  if (name === "by_campaign" && may("read_catalog"))
    return h("a", { href: link("campaigns", label) }, label);
  return label.startsWith("channel:") ? `${t("figure.channel")} ${label.slice(8)}` : label;
}
