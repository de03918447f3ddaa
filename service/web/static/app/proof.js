/** Proves a contact: asks for it, asks for the code that was sent to it, and says what is wrong with either. */

import { act } from "./act.js";
import { serverNow } from "./clock.js";
import { at, confirm, hush, say, show } from "./page.js";
import { currentLanguage } from "./words.js";

const TICK_MS = 1000;
const CODE = /^\d{6}$/;

let proof = null;
let sent = null;
let ticking;

/**
 * Ask for a contact, then for its code.
 * `words` says what for: the sentences `{words}_title`, `{words}_explained` and `{words}_label`; `value` is what
 * already stands in the field.
 * `send({ kind, value, language })` asks for a code; without it only the way `other`, `{ word, go, sure }`, is open;
 * `sure`, if there is one, is asked before it is gone.
 * `check(request_id, code)` ends the proof, or throws; `ended(problem)` hears when the session is over.
 */
export function proveContact(asked) {
  proof = asked;
  sent = null;
  say(at("contact-title"), `${proof.words}_title`);
  say(at("contact-explained"), `${proof.words}_explained`);
  at("contact-fields").hidden = !proof.send;
  if (proof.send) say(at("contact-label"), `${proof.words}_label`);
  at("contact-value").value = proof.value ?? "";
  at("contact-hint").hidden = !proof.words.startsWith("door");
  at("contact-other").hidden = !proof.other;
  if (proof.other) say(at("contact-other"), proof.other.word);
  askContact();
}

/** Listen to the forms. */
export function prepareProof() {
  at("contact-form").onsubmit = (event) => submit(event, "contact", takeContact);
  at("proof-form").onsubmit = (event) => submit(event, "proof", takeCode);
  at("contact-other").onclick = goOtherWay;
  at("proof-resend").onclick = ({ currentTarget }) => act(currentTarget, resend, ends("proof"));
  at("proof-back").onclick = askContact;
}

function submit(event, form, work) {
  event.preventDefault();
  return act(event.submitter, work, ends(form));
}

const ends = (form) => ({ told: at(`${form}-wrong`), ended: proof.ended });

function askContact() {
  clearInterval(ticking);
  hush(at("contact-wrong"));
  show("contact");
}

async function goOtherWay() {
  const { go, sure } = proof.other;
  if (sure && !(await confirm(sure))) return;
  await act(at("contact-other"), go, ends("contact"));
}

async function takeContact() {
  const value = at("contact-value").value.trim();
  const kind = value.includes("@") ? "email" : "phone";
  if (kind === "phone" && !/\d/.test(value)) return complain("contact", "contact_wrong");
  await send({ kind, value });
}

async function send(contact) {
  try {
    sent = { contact, ...(await proof.send({ ...contact, language: currentLanguage() })) };
  } catch (problem) {
    if (problem.status === 422) return complain("contact", "contact_wrong");
    throw problem;
  }
  askCode();
}

function askCode() {
  say(at("proof-explained"), "proof_explained", { contact: sent.contact.value });
  hush(at("proof-wrong"));
  hush(at("proof-resent"));
  at("proof-value").value = "";
  clearInterval(ticking);
  ticking = setInterval(paintResend, TICK_MS);
  paintResend();
  show("proof");
}

async function resend() {
  await send(sent.contact);
  say(at("proof-resent"), "resent");
  at("proof-value").focus();
}

// Not a live region: seconds would speak without end.
function paintResend() {
  const seconds = Math.ceil((Date.parse(sent.resend_at) - serverNow()) / 1000);
  at("proof-resend").hidden = seconds > 0;
  at("proof-wait").hidden = seconds <= 0;
  if (seconds > 0) say(at("proof-wait"), "resend_in", { n: seconds });
}

async function takeCode() {
  hush(at("proof-resent"));
  const code = at("proof-value").value.replace(/\s/g, "");
  if (!CODE.test(code)) return complain("proof", "code_wrong");
  try {
    await proof.check(sent.request_id, code);
    clearInterval(ticking);
  } catch (problem) {
    at("proof-value").select();
    throw problem;
  }
}

function complain(form, word) {
  say(at(`${form}-wrong`), word);
  at(`${form}-value`).focus();
}
