/** Opens the app: by a link from the shop, by a receipt, by a code to a contact, or with the card that is here. */

import { NoConnection, Problem, get, post, remove } from "./api.js";
import { onArrival, takeArrival } from "./arrival.js";
import { closeCard, findCard, openCard, prepareCard, repaintCard } from "./card.js";
import { canBeClaimed, claim } from "./claim.js";
import { askConsents } from "./consents.js";
import { closeData, openData, repaintData } from "./data.js";
import { at, nameSession, say, show, speak, tell } from "./page.js";
import { prepareProof } from "./proof.js";
import { repeat } from "./repeat.js";
import { signIn } from "./sign_in.js";

// The tabs of one browser share one session: when one replaces it, none may go on showing the old card.
const tabs = new BroadcastChannel("unspoken");
const DATA = "#data";

// The digits of a receipt that waits to be claimed: only ever in memory, and only until then.
let receipt = null;
let giveUp = () => {};

function start() {
  giveUp();
  closeCard();
  closeData();
  const arrival = takeArrival();
  if (arrival.claim && !canBeClaimed(arrival.claim)) return tell("claim_unread", { word: "go_on", go: start });
  receipt = arrival.claim ?? receipt;
  attempt(() => (arrival.handoff ? exchange(arrival.handoff) : resume()));
}

// Does `action`; where it fails, says why and offers to try once more, and what may pass is tried again by itself.
function attempt(action) {
  giveUp();
  show("busy");
  const again = () => attempt(action);
  const work = async () => {
    await action();
    return null;
  };
  giveUp = repeat(work, {
    troubled: (problem) => tell(problem instanceof NoConnection ? "unreachable" : "unwell", { go: again }),
    refused: (problem) => (problem.endsSession ? leave("ended") : fail(problem, again)),
  });
}

function fail(problem, again) {
  tell("unwell", { go: again });
  // Anything but an answer of the service is a fault of ours, and belongs on the console.
  if (!(problem instanceof Problem)) throw problem;
}

async function exchange(handoff) {
  const asking = await unlessUnknown(() => post("handoff", { handoff }));
  if (asking === null) return resume("link_used");
  nameSession(asking);
  at("my-data").hidden = true;
  return ask(asking, {
    yes: () => attempt(accept),
    no: () => attempt(decline),
  });
}

// Where there is no session, says why, or asks who is there.
async function resume(otherwise = null) {
  const session = await unlessUnknown(() => get("session"));
  if (session === null) return otherwise ? leave(otherwise) : knock();
  nameSession(session);
  if (receipt) await claim(receipt);
  receipt = null;
  if (location.hash === DATA) return openData({ attempt, ended: end, left: leave });
  return carry(session);
}

async function carry(session) {
  const card = await findCard();
  if (card !== null) return openCard(card, session.site?.name ?? null, end);
  if (session.site === null) return makeOwnCard(session);
  return ask(session, {
    yes: () => attempt(() => makeCard(session)),
    no: () => leave("declined"),
  });
}

// Whoever signed in here came for a card; what it needs, they must have granted.
async function makeOwnCard(session) {
  if (await askConsents()) return makeCard(session);
  return tell("unwanted", { word: "ask_again", go: start });
}

function knock() {
  nameSession(null);
  signIn({ words: receipt ? "door_receipt" : "door", whenIn: enter });
}

function enter() {
  tabs.postMessage("session replaced");
  attempt(resume);
}

async function accept() {
  const session = await unlessUnknown(() => post("session"));
  // Refused: the ten minutes for the answer are over, or the answer to this very call was lost on its way.
  if (session === null) return resume("link_used");
  await makeCard(session);
  tabs.postMessage("session replaced");
}

async function decline() {
  await remove("handoff");
  await resume("declined");
}

async function makeCard(session) {
  await post("cards");
  nameSession(session);
  openCard(await findCard(), session.site?.name ?? null, end);
}

function ask({ site, replaces }, { yes, no }) {
  say(at("ask-title"), "ask", { site: site.name });
  say(at("ask-explained"), "ask_explained", { site: site.name });
  at("ask-replaces").hidden = !replaces;
  if (replaces?.site) say(at("ask-replaces"), "ask_replaces", { site: replaces.site.name });
  else say(at("ask-replaces"), "ask_replaces_own");
  at("ask-yes").onclick = yes;
  at("ask-no").onclick = no;
  show("ask");
}

function end(problem) {
  closeCard();
  if (problem === null) leave("removed");
  else if (problem.endsSession || problem.code === "card_needed") attempt(() => resume("ended"));
  else fail(problem, start);
}

function leave(why) {
  closeData();
  nameSession(null);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  tell(why, why === "erased" ? {} : { word: "sign_in", go: knock });
}

// What the service does not know (or does not even take for a handoff) is null; other failures go on.
async function unlessUnknown(call) {
  try {
    return await call();
  } catch (problem) {
    if (problem.status === 401 || problem.status === 422) return null;
    throw problem;
  }
}

nameSession(null);
speak(() => {
  repaintCard();
  repaintData();
});
prepareCard();
prepareProof();
onArrival(start);
tabs.onmessage = start;
start();
