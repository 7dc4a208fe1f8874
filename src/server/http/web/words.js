// What the pages say, in the reader's language, and how numbers, money and moments are written.

const LANGUAGES = { en: "English", de: "Deutsch", cs: "Čeština" };
const KEPT = "jeton.language";

const state = { language: "en", locale: "en", dictionary: {} };

/** @returns {object} The languages' own names, by their tags. */
export const languages = () => LANGUAGES;

/** @returns {string} The tag of the language that is spoken: `en`, `de` or `cs`. */
export const language = () => state.language;

/**
 * Takes the language that was chosen last, else the first of the browser's that is known.
 *
 * @returns {Promise<void>}
 */
export function begin() {
  const wished = [localStorage.getItem(KEPT), ...navigator.languages].filter(Boolean);
  const known = wished.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => LANGUAGES[tag]);
  return speak(known ?? "en");
}

/**
 * @param {string} tag
 * @returns {boolean} Whether the reader chose a language on this machine.
 */
export const isChosen = () => localStorage.getItem(KEPT) !== null;

/**
 * Keeps the reader's choice and speaks it.
 *
 * @param {string} tag
 */
export function choose(tag) {
  localStorage.setItem(KEPT, tag);
  return speak(tag);
}

/**
 * Speaks a language.
 *
 * @param {string} tag
 */
export async function speak(tag) {
  const found = LANGUAGES[tag] ? tag : "en";
  const response = await fetch(new URL(`./dictionary/${found}.json`, import.meta.url));
  state.dictionary = await response.json();
  state.language = found;
  // The reader's own country says how numbers and moments are written, where it is known.
  state.locale =
    navigator.languages.find((one) => one.slice(0, 2).toLowerCase() === found) ?? found;
  document.documentElement.lang = found;
}

/**
 * The text of a key; `{name}` in it is replaced by what `values` say.
 *
 * @param {string} key
 * @param {object} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = state.dictionary[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

/**
 * The text of a key, or `otherwise` where the dictionary has none.
 *
 * @param {string} key
 * @param {string} otherwise
 * @returns {string}
 */
export const word = (key, otherwise) => state.dictionary[key] ?? otherwise;

/**
 * A name of a document, a role or a state as people read it: `order_number` → order number.
 *
 * @param {string} group
 * @param {string} name
 * @returns {string}
 */
export const named = (group, name) =>
  word(`${group}.${name}`, String(name ?? "").replaceAll("_", " "));

/** @param {number} value @param {object} [options] @returns {string} */
export function number(value, options = {}) {
  if (value === null || value === undefined) return "–";
  return new Intl.NumberFormat(state.locale, options).format(value);
}

/**
 * Something that happens so often a second.
 *
 * @param {number} value
 * @returns {string}
 */
export const rate = (value) => number(value, { maximumFractionDigits: value < 10 ? 1 : 0 });

/**
 * An amount as the service writes it, a decimal text, with its currency. Digits stay as they are.
 *
 * @param {string|number|null} amount
 * @param {string|null} [currency]
 * @returns {string}
 */
export function money(amount, currency) {
  if (amount === null || amount === undefined) return "–";
  const text = String(amount);
  const fraction = (text.split(".")[1] ?? "").length;
  const digits = { minimumFractionDigits: fraction, maximumFractionDigits: fraction };
  // A decimal text is formatted without passing through a floating point number.
  const written = new Intl.NumberFormat(state.locale, digits).format(text);
  return currency ? `${written} ${currency}` : written;
}

/**
 * Minor units of a currency as an amount.
 *
 * @param {number} minor
 * @param {string} currency
 * @returns {string}
 */
export const minor = (minor, currency) => money(decimal(minor, currency), currency);

/**
 * Minor units of a currency as a decimal text: 4000 → 40.00.
 *
 * @param {number} minor
 * @param {string} currency
 * @returns {string}
 */
export function decimal(minor, currency) {
  const digits = digitsOf(currency);
  const sign = minor < 0 ? "-" : "";
  const text = String(Math.abs(minor)).padStart(digits + 1, "0");
  const whole = text.slice(0, text.length - digits);
  return digits ? `${sign}${whole}.${text.slice(-digits)}` : `${sign}${whole}`;
}

/**
 * An amount that somebody typed, in minor units of a currency; null: it is none.
 *
 * @param {string} text
 * @param {string} currency
 * @returns {number|null}
 */
export function inMinor(text, currency) {
  const digits = digitsOf(currency);
  const [, whole, part = ""] = /^(\d+)(?:[.,](\d+))?$/.exec(text.trim()) ?? [];
  if (whole === undefined || part.length > digits) return null;
  return Number(whole + part.padEnd(digits, "0"));
}

function digitsOf(currency) {
  const known = { style: "currency", currency };
  return new Intl.NumberFormat("en", known).resolvedOptions().maximumFractionDigits;
}

/**
 * A moment, by the reader's clock.
 *
 * @param {string|number|null} at RFC 3339, or milliseconds since 1970
 * @param {object} [options]
 * @returns {string}
 */
export function moment(at, options = { dateStyle: "medium", timeStyle: "medium" }) {
  if (at === null || at === undefined) return "–";
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  return new Intl.DateTimeFormat(state.locale, options).format(date);
}

/** @param {string|number|null} at @returns {string} */
export const day = (at) => moment(at, { dateStyle: "medium" });

/** @param {number} ms @returns {string} A duration that took so long: 0.42 ms, 12 ms, 1.2 s. */
export function took(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms >= 1000) return `${number(ms / 1000, { maximumFractionDigits: 1 })} s`;
  const digits = ms < 10 ? 2 : ms < 100 ? 1 : 0;
  return `${number(ms, { maximumFractionDigits: digits })} ms`;
}

/**
 * The text for the reader's language of texts by language, else the first there is.
 *
 * @param {object|null|undefined} texts
 * @returns {string|undefined}
 */
export const ofTexts = (texts) =>
  texts?.[state.language] ?? texts?.en ?? Object.values(texts ?? {})[0];

/**
 * What people call a campaign or an account: its name, else its id.
 *
 * @param {{id: string, document: object}} one
 * @returns {string}
 */
export const nameOf = (one) => ofTexts(one.document.texts?.name) ?? one.id;
