/** Opens the app: with a link from the shop it asks first; without one it shows the card that is already here. */

import { NoConnection, Problem, get, post, remove } from "./api.js";
import { closeCard, findCard, openCard, prepareCard, repaintCard } from "./card.js";
import { onNewHandoff, takeHandoff } from "./handoff.js";
import { at, nameSite, say, show, speak, tell } from "./page.js";

// The tabs of one browser share one session: when one replaces it, none may go on showing the old card.
const tabs = new BroadcastChannel("unspoken");

async function start() {
  closeCard();
  const handoff = takeHandoff();
  await attempt(() => (handoff ? exchange(handoff) : resume("no_card")));
}

// Does `action`; where it fails, says why and offers to try once more.
async function attempt(action) {
  show("busy");
  try {
    await action();
  } catch (problem) {
    const again = () => attempt(action);
    if (problem instanceof NoConnection) return tell("unreachable", again);
    if (problem.endsSession) return leave("ended");
    return fail(problem, again);
  }
}

function fail(problem, again) {
  tell("unwell", again);
  // Anything but an answer of the service is a fault of ours, and belongs on the console.
  if (!(problem instanceof Problem)) throw problem;
}

async function exchange(handoff) {
  const asking = await unlessUnknown(() => post("handoff", { handoff }));
  if (asking === null) return resume("link_used");
  nameSite(asking.site.name);
  return ask(asking, {
    yes: () => attempt(accept),
    no: () => attempt(decline),
  });
}

async function resume(otherwise) {
  const session = await unlessUnknown(() => get("session"));
  if (session === null) return leave(otherwise);
  nameSite(session.site.name);
  const card = await findCard();
  if (card !== null) return openCard(card, session.site.name, end);
  return ask(session, {
    yes: () => attempt(() => makeCard(session)),
    no: () => leave("declined"),
  });
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
  openCard(await findCard(), session.site.name, end);
}

function ask({ site, replaces }, { yes, no }) {
  say(at("ask-title"), "ask", { site: site.name });
  say(at("ask-explained"), "ask_explained", { site: site.name });
  at("ask-replaces").hidden = !replaces;
  if (replaces) say(at("ask-replaces"), "ask_replaces", { site: replaces.site.name });
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
  nameSite(null);
  tell(why);
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

nameSite(null);
speak(repaintCard);
prepareCard();
onNewHandoff(start);
tabs.onmessage = start;
start();
