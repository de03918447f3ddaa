/** The card on this phone: its codes, what happened with it, and freezing, unfreezing or removing it. */

import { act } from "./act.js";
import { beginActivity, endNotice, endRefusal, keepItem, loadOlder, paintActivity, readActivity } from "./activity.js";
import { get, post, remove } from "./api.js";
import { forgetCode, paintCode, showCodes } from "./code.js";
import { followLinkRequests, forgetLinkRequests, paintLinkRequests } from "./link_requests.js";
import { at, confirm, say, show } from "./page.js";

let card = null;
let site = null;
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
 * Show `found` as the card of the site named `siteName`, or, without a site, as the shopper's own.
 * `whenEnded(problem)` hears when it is over: by what answer, or null when it was removed here.
 */
export function openCard(found, siteName, whenEnded) {
  card = found;
  site = siteName;
  ended = whenEnded;
  beginActivity(disown);
  forgetCode();
  forgetLinkRequests();
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
  paintLinkRequests();
}

/** Listen to the buttons, and rest while nobody looks. */
export function prepareCard() {
  at("freeze").onclick = () => doing(at("freeze"), () => change("freeze"));
  at("unfreeze").onclick = () => doing(at("unfreeze"), () => change("unfreeze"));
  at("remove").onclick = removeCard;
  at("more").onclick = () => doing(at("more"), loadOlder);
  document.addEventListener("visibilitychange", work);
  addEventListener("online", work);
}

function paintCard() {
  const frozen = card.status === "frozen";
  say(at("card-title"), frozen ? "frozen_title" : "show_code");
  at("hint").hidden = frozen;
  at("code").hidden = frozen;
  at("frozen").hidden = !frozen;
  say(at("frozen-explained"), card.withheld ? "withheld_explained" : "frozen_explained");
  at("unfreeze").hidden = card.withheld;
  at("freezer").hidden = frozen;
}

// Starts afresh whenever something changed: the page is seen again, the connection is back, the card is unfrozen.
function work() {
  halt();
  if (card === null || document.hidden) return;
  const frozen = card.status === "frozen";
  stops = [readActivity({ follow: !frozen, refused })];
  if (!frozen) stops.push(showCodes({ renewed: endRefusal, refused }), followLinkRequests({ doing, refused }), stayAwake());
}

function halt() {
  for (const stop of stops) stop();
  stops = [];
}

function refused(problem) {
  const withheld = problem.code === "consent_withdrawn";
  if (withheld || problem.code === "card_frozen") settle({ ...card, status: "frozen", withheld });
  else ended(problem);
}

function settle(changed) {
  card = changed;
  forgetCode();
  endNotice();
  paintCard();
  work();
  at("card-title").focus();
}

const doing = (button, work) => act(button, work, { told: at("failed"), ended });

async function change(verb) {
  settle(await post(`cards/${card.card_id}/${verb}`));
}

async function disown(item, button) {
  if (!(await confirm("not_me", { store: item.store }))) return;
  await doing(button, async () => {
    keepItem(await post(`activity/${encodeURIComponent(item.id)}/not-me`));
    // The scan may have been another card's, on another phone: only the service knows which one it froze.
    const found = await findCard();
    if (found) settle(found);
  });
}

async function removeCard() {
  if (!(await confirm(site ? "remove" : "sign_out", { site }))) return;
  await doing(at("remove"), async () => {
    await remove("session");
    ended(null);
  });
}

function stayAwake() {
  // Refused on a low battery, or unknown to the browser: the code shows all the same.
  const lock = navigator.wakeLock?.request("screen").catch(() => null);
  return () => lock?.then((held) => held?.release());
}
