/** What the shopper allows, purpose by purpose: asked once before the first card, and changed at any time. */

import { act } from "./act.js";
import { get, put } from "./api.js";
import { at, hush, say, show, write } from "./page.js";
import { day } from "./words.js";

// The one purpose that a card is made for.
const NEEDED = "identification";

/** Ask what is allowed, unless what a card needs is granted already; resolves to whether that is granted now. */
export async function askConsents() {
  const { items } = await get("consents");
  if (items.find((item) => item.purpose === NEEDED).granted) return true;
  const rows = items.map((item) => makeRow(item, item.purpose === NEEDED ? "consent_needed" : null));
  at("join-consents").replaceChildren(...rows);
  hush(at("join-wrong"));
  show("join");
  return answerOf(items);
}

/** Show what is allowed now; each switch says so at once, through `doing`. */
export async function loadConsents(doing) {
  const { items } = await get("consents");
  at("consents").replaceChildren(...items.map((item) => makeSwitch(item, doing)));
}

function makeRow(item, word) {
  const row = at("consent-row").content.cloneNode(true).firstElementChild;
  write(row.querySelector(".what"), item.text);
  row.querySelector("input").checked = item.granted === true;
  row.querySelector("input").name = item.purpose;
  if (word) say(row.querySelector(".where"), word, { when: item.at && day(item.at), site: item.site });
  return row;
}

function makeSwitch(item, doing) {
  const row = makeRow(item, sayWhen(item));
  const box = row.querySelector("input");
  box.onchange = () =>
    doing(box, async () => {
      const stated = await stateOf(box, item);
      say(row.querySelector(".where"), sayWhen(stated), { when: day(stated.at) });
    });
  return row;
}

// What the service has not taken down is not so.
async function stateOf(box, item) {
  try {
    return await state(item, box.checked);
  } catch (problem) {
    box.checked = !box.checked;
    throw problem;
  }
}

function sayWhen({ granted, site }) {
  if (granted === null) return "consent_open";
  return (granted ? "consent_given" : "consent_withdrawn") + (site ? "_at" : "");
}

const state = ({ purpose, text_version }, granted) => put(`consents/${purpose}`, { granted, text_version });

function answerOf(items) {
  return new Promise((resolve) => {
    at("join-form").onsubmit = (event) => {
      event.preventDefault();
      act(event.submitter, async () => resolve(await take(items)), { told: at("join-wrong") });
    };
  });
}

// What stays unticked stays as it was: to be silent here withdraws nothing. Who unticks what was ticked does withdraw.
async function take(items) {
  const boxes = at("join-form").elements;
  for (const item of items) {
    const { checked } = boxes[item.purpose];
    if (checked !== (item.granted === true)) await state(item, checked);
  }
  return boxes[NEEDED].checked;
}
