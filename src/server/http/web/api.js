// Asking the service. Says what the service says: its problems become errors with their hint and
// their fields; a refusal is an answer and comes back as one.

import { language, t, word } from "./words.js";

/** What the service has against a request: problem details (RFC 9457). */
export class Problem extends Error {
  /** @param {object} details */
  constructor(details) {
    super(details.detail || details.title || t("problem.unknown"));
    this.status = details.status ?? 0;
    this.kind = (details.type ?? "").replace("urn:jeton:problem:", "");
    // The service speaks English of what it has against a request.
    const key = `problem.${this.kind.replaceAll("-", "_")}`;
    this.title = word(key, details.title);
    this.hint = word(`${key}.hint`, details.hint);
    this.errors = details.errors ?? [];
    this.foundVersion = details.found_version;
    this.retryAfterMs = details.retry_after_ms;
  }
}

const shared = { csrf: null, ended: () => {} };

/**
 * Proves from now on that requests come from these pages.
 *
 * @param {string|null} csrf
 */
export function prove(csrf) {
  shared.csrf = csrf;
}

/**
 * Says what to do when the service no longer knows who asks.
 *
 * @param {() => void} listener
 */
export function onEnded(listener) {
  shared.ended = listener;
}

/**
 * A name for a request that changes something: made before the first try, the same for repeats.
 *
 * @returns {string}
 */
export function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = Date.now();
  for (let at = 0; at < 6; at += 1) bytes[at] = Math.floor(now / 2 ** (8 * (5 - at))) % 256;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/**
 * The address of something with a query; what is null, undefined or empty is left out.
 *
 * @param {string} path
 * @param {object} [query]
 * @returns {string}
 */
export function address(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => ![null, undefined, ""].includes(value));
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

async function send(method, path, { query, body, text, headers = {}, key, signal, secret } = {}) {
  const all = { "accept-language": language(), ...headers };
  if (key) all["idempotency-key"] = key;
  if (method !== "GET" && shared.csrf) all["x-csrf-token"] = shared.csrf;
  let content;
  if (body !== undefined) {
    all["content-type"] = "application/json";
    content = JSON.stringify(body);
  } else if (text !== undefined) {
    all["content-type"] = "application/octet-stream";
    content = text;
  }
  const options = { method, headers: all, body: content, signal, credentials: "same-origin" };
  let response;
  try {
    response = await fetch(address(path, query), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      title: t("problem.away"),
      detail: t("problem.away"),
      hint: t("problem.away.hint"),
    });
  }
  if (response.ok) return response;
  const details = await response.json().catch(() => ({ title: response.statusText }));
  const problem = new Problem({ ...details, status: response.status });
  // Where a password is asked for, a wrong one does not end the session.
  if (response.status === 401 && shared.csrf && !secret) shared.ended();
  throw problem;
}

/**
 * Asks and reads the answer as JSON.
 *
 * @param {string} method
 * @param {string} path
 * @param {{query?: object, body?: any, text?: any, headers?: object, key?: string,
 *   signal?: AbortSignal, secret?: boolean}} [options] `secret`: the body holds a password
 * @returns {Promise<any>}
 */
export async function call(method, path, options) {
  const response = await send(method, path, options);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/**
 * Asks, and calls `each` with every line of the answer as it comes. A line that tells a problem
 * ends it with that problem.
 *
 * @param {string} method
 * @param {string} path
 * @param {object} options
 * @param {(line: object) => void} each
 */
export async function lines(method, path, options, each) {
  const response = await send(method, path, options);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const all = (rest + (value ?? "")).split("\n");
    rest = done ? "" : all.pop();
    for (const line of all) {
      if (!line) continue;
      const read = JSON.parse(line);
      if (read.problem) throw new Problem(read.problem);
      each(read);
    }
    if (done) return;
  }
}

/** @param {string} path @param {object} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => call("GET", path, { query, signal });

/** @param {string} path @param {any} body @param {object} [options] */
export const post = (path, body, options = {}) => call("POST", path, { body, ...options });
