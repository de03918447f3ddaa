/** The page as a surface: which section shows, which sentence stands where, and the question that needs a yes. */

import { currentLanguage, otherLanguage, sentence, switchLanguage } from "./words.js";

const SECTIONS = ["busy", "ask", "message", "contact", "proof", "join", "card", "data"];

const valuesOf = new WeakMap();

/** The element with this id. */
export const at = (id) => document.getElementById(id);

/** Write text where it has changed: a live region speaks at every write. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Write a sentence, and remember it so that a change of language can write it again. */
export function say(node, key, values = {}) {
  node.dataset.word = key;
  valuesOf.set(node, values);
  write(node, sentence(key, values));
}

/** Take a sentence away. */
export function hush(node) {
  delete node.dataset.word;
  write(node, "");
}

/** Show one section and bring the reader to its heading, or to the one field that waits for them. */
export function show(id) {
  const changed = at(id).hidden;
  for (const section of SECTIONS) at(section).hidden = section !== id;
  if (!changed) return;
  scrollTo(0, 0);
  (at(id).querySelector("[autofocus]") ?? at(id).querySelector("h1")).focus();
}

/** Show a message in place of the card, with a button called `word` that does `go`, when there is something to do. */
export function tell(key, { values = {}, word = "try_again", go = null } = {}) {
  say(at("message-title"), key);
  say(at("message-text"), `${key}_explained`, values);
  say(at("message-go"), word);
  at("message-go").hidden = go === null;
  at("message-go").onclick = go;
  show("message");
}

/** Write whose session this is into header and title: a site's, one of our own (no site), or none (null). */
export function nameSession(session) {
  const site = session?.site?.name;
  at("site").textContent = site ?? "";
  at("my-data").hidden = session === null;
  say(document.querySelector("title"), site ? "title_at" : "title", { site });
}

/** Ask before something that is hard to undo; resolves to whether the shopper said yes. */
export function confirm(key, values = {}) {
  const dialog = at("confirm");
  say(at("confirm-title"), `${key}_title`);
  say(at("confirm-text"), `${key}_explained`, values);
  say(at("confirm-yes"), `${key}_yes`);
  at("confirm-yes").onclick = () => dialog.close("yes");
  at("confirm-no").onclick = () => dialog.close("");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    // The event comes a moment after the closing: by then the next question may stand there.
    dialog.onclose = () => dialog.open || resolve(dialog.returnValue === "yes");
  });
}

/** Write every fixed sentence, and offer the other language; `repaint` writes what is computed. */
export function speak(repaint) {
  translate();
  at("language").onclick = () => {
    switchLanguage();
    translate();
    repaint();
  };
}

function translate() {
  document.documentElement.lang = currentLanguage();
  for (const node of document.querySelectorAll("[data-word]")) {
    node.textContent = sentence(node.dataset.word, valuesOf.get(node));
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", sentence(node.dataset.label));
  }
  at("language").textContent = sentence("other_language");
  at("language").lang = otherLanguage();
}
