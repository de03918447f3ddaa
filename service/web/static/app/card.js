/** The card on this phone: its codes, what happened with it, and freezing, unfreezing or removing it. */

import { beginActivity, keepItem, loadOlder, paintActivity, readActivity } from "./activity.js";
import { NoConnection, Problem, get, post, remove } from "./api.js";
import { forgetCode, paintCode, showCodes } from "./code.js";
import { at, confirm, hush, say, show } from "./page.js";

let card = null;
let site = "";
let ended = null;
let stops = [];

/** The card of this session, or null when it has none yet. */
export async function findCard() {
  let after = "";
  do {
    const page = await get(`cards${after}`);
    const found = page.items.find((item) => item.this_session && item.status !== "revoked");
    if (found) return found;
    after = page.next_cursor && `?after=${encodeURIComponent(page.next_cursor)}`;
  } while (after);
  return null;
}

/**
 * Show `found` as the card of the site named `siteName`.
 * `whenEnded(problem)` hears when it is over: by what answer, or null when it was removed here.
 */
export function openCard(found, siteName, whenEnded) {
  card = found;
  site = siteName;
  ended = whenEnded;
  beginActivity(disown);
  forgetCode();
  paintCard();
  show("card");
  work();
}

/** Stop showing the card. */
export function closeCard() {
  halt();
  card = null;
  forgetCode();
}

/** Write what is computed once more, in another language. */
export function repaintCard() {
  if (card === null) return;
  paintCard();
  paintCode();
  paintActivity();
}

/** Listen to the buttons, and rest while nobody looks. */
export function prepareCard() {
  at("freeze").onclick = () => act(at("freeze"), () => change("freeze"));
  at("unfreeze").onclick = () => act(at("unfreeze"), () => change("unfreeze"));
  at("remove").onclick = removeCard;
  at("more").onclick = () => act(at("more"), loadOlder);
  document.addEventListener("visibilitychange", work);
  addEventListener("online", work);
}

function paintCard() {
  const frozen = card.status === "frozen";
  say(at("card-title"), frozen ? "frozen_title" : "show_code");
  at("hint").hidden = frozen;
  at("code").hidden = frozen;
  at("frozen").hidden = !frozen;
  at("freezer").hidden = frozen;
}

// Starts afresh whenever something changed: the page is seen again, the connection is back, the card is unfrozen.
function work() {
  halt();
  if (card === null || document.hidden) return;
  const frozen = card.status === "frozen";
  stops = [readActivity({ follow: !frozen, refused })];
  if (!frozen) stops.push(showCodes(refused), stayAwake());
}

function halt() {
  for (const stop of stops) stop();
  stops = [];
}

function refused(problem) {
  if (problem.code === "card_frozen") settle({ ...card, status: "frozen" });
  else ended(problem);
}

function settle(changed) {
  card = changed;
  forgetCode();
  paintCard();
  work();
  at("card-title").focus();
}

async function change(verb) {
  settle(await post(`cards/${card.card_id}/${verb}`));
}

async function disown(item, button) {
  if (!(await confirm("not_me", { store: item.store }))) return;
  await act(button, async () => {
    keepItem(await post(`activity/${encodeURIComponent(item.id)}/not-me`));
    // The scan may have been another card's, on another phone: only the service knows which one it froze.
    const found = await findCard();
    if (found) settle(found);
  });
}

async function removeCard() {
  if (!(await confirm("remove", { site }))) return;
  await act(at("remove"), async () => {
    await remove("session");
    ended(null);
  });
}

// One at a time for each button, and a failure is said aloud.
async function act(button, work) {
  button.disabled = true;
  hush(at("failed"));
  try {
    await work();
  } catch (problem) {
    if (problem.endsSession) return ended(problem);
    say(at("failed"), "failed");
    if (!(problem instanceof Problem || problem instanceof NoConnection)) throw problem;
  } finally {
    button.disabled = false;
  }
}

function stayAwake() {
  // Refused on a low battery, or unknown to the browser: the code shows all the same.
  const lock = navigator.wakeLock?.request("screen").catch(() => null);
  return () => lock?.then((held) => held?.release());
}
