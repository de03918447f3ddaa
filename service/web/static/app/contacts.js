/** The shopper's e-mail addresses and phone numbers: seen, proved, removed. */

import { get, post, remove } from "./api.js";
import { at, confirm } from "./page.js";
import { proveContact } from "./proof.js";
import { makeRow } from "./rows.js";
import { day, sentence } from "./words.js";

/** List the contacts; `doing` does what a button asks, `again(word)` shows the page once more and says so. */
export async function loadContacts({ doing, ended, again }) {
  const { items } = await get("contacts");
  const prove = (value) => proveContact(adding({ value, ended, again }));
  at("contacts").replaceChildren(...items.map((item) => makeRow(describe(item, { doing, again, prove }))));
  at("add-contact").onclick = () => prove("");
}

function describe(item, { doing, again, prove }) {
  const proof = { word: "prove", go: () => prove(item.value) };
  const removal = { word: "remove_contact", look: "quiet danger", go: (button) => drop(item, button, doing, again) };
  return {
    what: item.value,
    where: sentence(`trust_${item.trust}`, { when: day(item.since) }),
    does: item.trust === "verified" ? [removal] : [proof, removal],
  };
}

function adding({ value, ended, again }) {
  return {
    words: "add",
    value,
    send: (contact) => post("contacts", contact),
    check: (request, code) => add(request, { code }, again),
    other: { word: "back_to_data", go: () => again() },
    ended,
  };
}

async function add(request, body, again) {
  const answer = await post(`contacts/${request}`, body);
  if (answer.outcome === "second_proof_needed") return askNewOwner(request, body, again);
  return again(`contact_${answer.outcome}`);
}

// The number stands in another file: it becomes theirs, without that file, only by their word.
function askNewOwner(request, body, again) {
  proveContact({
    words: "add_second",
    other: { word: "new_owner", sure: "new_owner", go: () => add(request, { ...body, new_owner: true }, again) },
  });
}

async function drop(item, button, doing, again) {
  if (!(await confirm("drop_contact", { value: item.value }))) return;
  await doing(button, async () => {
    await remove(`contacts/${item.identifier_id}`);
    await again("contact_removed");
  });
}
