/** My data: contacts, connected shops, sessions, consents, who looked, a copy of everything, and its end. */

import { loadAccounts } from "./accounts.js";
import { act } from "./act.js";
import { loadConsents } from "./consents.js";
import { loadContacts } from "./contacts.js";
import { prepareFile } from "./file.js";
import { prepareLooks } from "./looks.js";
import { at, hush, say, show } from "./page.js";
import { loadSessions } from "./sessions.js";

// Long enough to read; what went wrong stays.
const TOLD_MS = 8000;

let shown = null;
let fading;

/**
 * Show the page. `attempt(action)` does what may fail as a whole; `ended(problem)` hears when the session is over,
 * `left(word)` when the shopper ended it here.
 */
export async function openData({ attempt, ended, left }) {
  shown = { attempt, ended, left };
  prepareLooks(doing);
  prepareFile(doing, left);
  await load();
  hush(at("data-told"));
  show("data");
}

/** Stop showing the page. */
export function closeData() {
  shown = null;
}

/** Load everything once more, in another language. */
export function repaintData() {
  if (shown !== null && !at("data").hidden) shown.attempt(() => openData(shown));
}

function load() {
  const page = { doing, again, ended: shown.ended };
  return Promise.all([loadContacts(page), loadAccounts(page), loadSessions(page), loadConsents(doing)]);
}

// One change may show in several parts: a contact that is proved brings accounts along.
async function again(word = null) {
  await load();
  show("data");
  at("data-title").focus();
  hush(at("data-told"));
  if (!word) return;
  say(at("data-told"), word);
  clearTimeout(fading);
  fading = setTimeout(() => at("data-told").dataset.word === word && hush(at("data-told")), TOLD_MS);
}

const doing = (button, work) => act(button, work, { told: at("data-told"), ended: shown.ended });
