// When a campaign's codes are good, in few words.

import { day, named, number, t } from "../words.js";

/**
 * @param {object} document a campaign's
 * @returns {string|null} null: always
 */
export function validity({ validity = {} }) {
  const { from, until, relative, hours, blackout } = validity;
  const parts = [
    from || until ? `${written(from)} – ${written(until)}` : null,
    relative ? own(relative) : null,
    hours?.length || blackout?.length ? t("campaigns.hours") : null,
  ];
  return parts.filter(Boolean).join(", ") || null;
}

/** A date of a campaign is a date of its own zone: it is written as it stands. */
function written(text) {
  if (!text) return "…";
  return text.length === 10 ? day(`${text}T00:00`) : text;
}

/** What each code runs by itself: 3 years from payment. */
function own({ count, unit, since }) {
  // The service counts in hours, days: Intl in hour, day.
  const long = { style: "unit", unit: unit.replace(/s$/, ""), unitDisplay: "long" };
  return `${number(count, long)} ${named("since", since)}`;
}
