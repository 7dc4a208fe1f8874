// Who uses the pages, and what they may do. The session itself is a cookie that no script sees;
// what proves a request is kept in memory only.

import { call, prove } from "./api.js";
import { isChosen, speak } from "./words.js";

/** Says only that it is worth asking whether somebody is signed in. */
const HINT = "jeton.signed_in";

const state = { who: null };

/** @returns {object|null} Who is signed in: name, role, properties, may. */
export const who = () => state.who;

/**
 * @param {string} action as the service names it: `write_catalog`
 * @returns {boolean} Whether whoever is signed in may do this.
 */
export const may = (action) => state.who?.may.includes(action) ?? false;

async function take(session) {
  state.who = session;
  prove(session.csrf ?? null);
  localStorage.setItem(HINT, "yes");
  if (session.language && !isChosen()) await speak(session.language);
  return session;
}

/** Forgets who was signed in. */
export function forget() {
  state.who = null;
  prove(null);
  localStorage.removeItem(HINT);
}

/**
 * Takes up the session that the browser still has.
 *
 * @returns {Promise<object|null>}
 */
export async function resume() {
  if (!localStorage.getItem(HINT)) return null;
  try {
    return await take(await call("GET", "/v1/session"));
  } catch (problem) {
    if (problem.status === 401) forget();
    else throw problem;
    return null;
  }
}

/**
 * Signs in.
 *
 * @param {{name: string, password: string, tenant?: string}} body
 */
export const signIn = async (body) =>
  take(await call("POST", "/v1/session", { body, secret: true }));

/** Ends the session, on all nodes. */
export async function signOut() {
  await call("DELETE", "/v1/session");
  forget();
}

/**
 * Changes the password; all other sessions of the user end.
 *
 * @param {string} old
 * @param {string} fresh
 */
export const changePassword = async (old, fresh) =>
  take(await call("PUT", "/v1/session/password", { body: { old, new: fresh }, secret: true }));
