// All campaigns, to choose one from.

import { get } from "../api.js";
import { language, nameOf } from "../words.js";
import { choice } from "./form.js";

/** The most that one answer holds. */
const PAGE = 1_000;

/**
 * Every campaign, by name.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<object[]>}
 */
export async function allCampaigns(signal) {
  const asked = { sort: "title", language: language(), limit: PAGE };
  const all = [];
  let after;
  do {
    const page = await get("/v1/campaigns", { ...asked, after }, signal);
    all.push(...page.campaigns);
    after = page.after;
  } while (after !== undefined);
  return all;
}

/**
 * @param {object[]} all
 * @param {string|undefined} current
 * @returns {HTMLSelectElement}
 */
export function campaignChoice(all, current) {
  const options = all.map((one) => {
    const name = nameOf(one);
    return [one.id, name === one.id ? name : `${name} (${one.id})`];
  });
  return choice(options, current);
}
