/** Sentences, money and time in the language of the page. */

import { SENTENCES } from "./sentences.js";

const LANGUAGE_KEY = "unspoken_language";
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

let language = chooseLanguage();

function chooseLanguage() {
  const kept = localStorage.getItem(LANGUAGE_KEY);
  if (kept in SENTENCES) return kept;
  return navigator.language.startsWith("es") ? "es" : "en";
}

/** The language of the page: `en` or `es`. */
export const currentLanguage = () => language;

/** The other language, for the switch. */
export const otherLanguage = () => (language === "en" ? "es" : "en");

/** Change to the other language, and remember it on this phone. */
export function switchLanguage() {
  language = otherLanguage();
  localStorage.setItem(LANGUAGE_KEY, language);
}

/** The sentence called `key`, with its {places} filled from `values`. */
export function sentence(key, values = {}) {
  const found = SENTENCES[language][key];
  const form = typeof found === "string" ? found : found[new Intl.PluralRules(language).select(values.n)];
  return form.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Why a till refused a code, in plain words; a reason we don't know yet gets a general sentence. */
export function why(reason) {
  return sentence(`why_${reason}` in SENTENCES.en ? `why_${reason}` : "why_other");
}

/** The key of the sentence that says why a call failed; a problem without words of its own gets general ones. */
export function because(problem) {
  const key = `problem_${problem.code}`;
  return key in SENTENCES.en ? key : "failed";
}

/** An amount of minor units in the way of the language: 2500 EUR is €25.00 or 25,00 €. */
export function money(minorUnits, currency) {
  const format = new Intl.NumberFormat(locale(), { style: "currency", currency });
  return format.format(minorUnits / 10 ** format.resolvedOptions().maximumFractionDigits);
}

/** Names in one sentence: Zapatos, Beta and Gamma. */
export const listed = (names) => new Intl.ListFormat(language).format(names);

/** When something was, seen from `now` (both milliseconds): just now, 5 minutes ago, 3 hours ago, a date. */
export function when(then, now) {
  const age = Math.max(now - then, 0);
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  if (age < MINUTE_MS) return sentence("just_now");
  if (age < HOUR_MS) return relative.format(-Math.floor(age / MINUTE_MS), "minute");
  if (age < DAY_MS) return relative.format(-Math.floor(age / HOUR_MS), "hour");
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(then);
}

/** A day, as the language writes it: 5 Mar 2026. */
export function day(text) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium" }).format(Date.parse(text));
}

/** What is left of a time, in minutes and seconds: 4:05. */
export function left(milliseconds) {
  const seconds = Math.max(Math.ceil(milliseconds / 1000), 0);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

// The phone's own region where it speaks the chosen language: en-GB writes 5 March where en-US writes March 5.
const locale = () => navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
