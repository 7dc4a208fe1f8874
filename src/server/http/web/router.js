// Which page is shown. The address names pages, campaigns and users, never codes or customers:
// those are handed over in memory and are gone when the page is left.

import { address } from "./api.js";
import { h, fill } from "./dom.js";
import { problemNotice } from "./part/notice.js";
import { may } from "./session.js";
import { t } from "./words.js";
import * as account from "./page/accounts.js";
import * as audit from "./page/audit.js";
import * as campaign from "./page/campaign.js";
import * as campaignCodes from "./page/campaign_codes.js";
import * as campaigns from "./page/campaigns.js";
import * as codes from "./page/codes.js";
import * as edit from "./page/edit.js";
import * as generate from "./page/generate.js";
import * as importing from "./page/import.js";
import * as live from "./page/live.js";
import * as password from "./page/password.js";
import * as trial from "./page/try.js";
import * as users from "./page/users.js";

/** Every page: its address, what it needs, and where it stands in the navigation. */
const PAGES = [
  { path: "live", page: live, needs: "events", nav: "live" },
  { path: "campaigns", page: campaigns, needs: "read_catalog", nav: "campaigns" },
  { path: "campaigns/new", page: edit, needs: "write_catalog", under: "campaigns" },
  { path: "campaigns/:id", page: campaign, needs: "read_catalog", under: "campaigns" },
  { path: "campaigns/:id/codes", page: campaignCodes, needs: "read_catalog", under: "campaigns" },
  { path: "campaigns/:id/edit", page: edit, needs: "write_catalog", under: "campaigns" },
  { path: "codes", page: codes, needs: "status", nav: "codes" },
  { path: "codes/generate", page: generate, needs: "write_catalog", under: "codes" },
  { path: "codes/import", page: importing, needs: "write_catalog", under: "codes" },
  { path: "accounts", page: account, needs: "status", nav: "accounts" },
  { path: "audit", page: audit, needs: "events", nav: "audit" },
  { path: "try", page: trial, needs: "validate", nav: "try" },
  { path: "users", page: users, needs: "tokens", nav: "users" },
  { path: "password", page: password },
];

const state = { leaving: null, handed: null, onShown: () => {} };

/** @returns {Array<{path: string, nav: string}>} What the navigation offers to who is signed in. */
export const offered = () => PAGES.filter((one) => one.nav && may(one.needs));

/**
 * Goes to a page, and hands it what must not be in the address.
 *
 * @param {string} path
 * @param {object} [handed]
 */
export function go(path, handed = null) {
  state.handed = handed;
  const hash = `#/${path}`;
  if (location.hash === hash) show();
  else location.hash = hash;
}

/**
 * The address of a page.
 *
 * @param {...string} parts
 * @returns {string}
 */
export const link = (...parts) => `#/${parts.map(encodeURIComponent).join("/")}`;

/** Ends what the page that is shown is doing. */
export function leave() {
  state.leaving?.abort();
  state.leaving = null;
}

/**
 * Keeps in the address what was chosen on the page that is shown, and beside the address, for the
 * way back, what was typed.
 *
 * @param {object} query
 * @param {string} [typed]
 */
export function keep(query, typed) {
  history.replaceState({ typed }, "", address(location.hash.split("?")[0], query));
}

function matching(parts) {
  for (const one of PAGES) {
    const wanted = one.path.split("/");
    const fits =
      wanted.length === parts.length &&
      wanted.every((part, at) => part.startsWith(":") || part === parts[at]);
    if (!fits) continue;
    const id = wanted.findIndex((part) => part.startsWith(":"));
    return { one, id: id < 0 ? null : parts[id] };
  }
  return null;
}

function parts() {
  const path = location.hash.replace(/^#\/?/, "").split("?")[0];
  try {
    return path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return [path];
  }
}

/** Shows the page of the address in `main`. */
export async function show() {
  const main = document.querySelector("main");
  if (!main) return;
  leave();
  const leaving = new AbortController();
  state.leaving = leaving;
  const handed = state.handed;
  state.handed = null;
  const asked = parts();
  if (asked.length === 0) {
    const first = offered()[0]?.path ?? "password";
    location.replace(`#/${first}`);
    return;
  }
  const found = matching(asked);
  if (found === null || (found.one.needs && !may(found.one.needs))) {
    fill(
      main,
      head(t(found ? "page.forbidden" : "page.unknown")),
      h("p", {}, t("page.unknown.hint")),
    );
    arrived(main, null);
    return;
  }
  const query = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1]));
  const typed = history.state?.typed;
  const view = { id: found.id, handed, query, typed, signal: leaving.signal };
  let content;
  try {
    content = await found.one.page.show(view);
  } catch (problem) {
    if (problem.name === "AbortError") return;
    content = [head(found.one.page.title(view)), problemNotice(problem)];
  }
  if (leaving.signal.aborted) return;
  fill(main, content);
  arrived(main, found.one.nav ?? found.one.under ?? null);
}

/**
 * The head of a page: its title and what can be done there.
 *
 * @param {string} title
 * @param {...Node} actions
 * @returns {HTMLElement}
 */
export function head(title, ...actions) {
  return h(
    "header",
    { class: "page-head" },
    h("h1", { tabindex: -1 }, title),
    actions.flat(Infinity).some(Boolean) ? h("div", { class: "actions" }, actions) : null,
  );
}

function arrived(main, nav) {
  const title = main.querySelector("h1");
  document.title = title ? `${title.textContent} · jeton` : "jeton";
  title?.focus({ preventScroll: true });
  scrollTo(0, 0);
  state.onShown(nav);
}

/**
 * Calls `listener` with the entry of the navigation whose page is shown.
 *
 * @param {(nav: string|null) => void} listener
 */
export function onShown(listener) {
  state.onShown = listener;
}
