/** A site that was shown the code asks to connect its account: the shopper sees who asks, and decides. */

import { get, post } from "./api.js";
import { serverNow } from "./clock.js";
import { at, hush, say, write } from "./page.js";
import { repeat } from "./repeat.js";
import { left } from "./words.js";

const POLL_MS = 2000;
const TICK_MS = 1000;
// As long as the notice of a scan.
const NOTICE_MS = 60_000;

let open = [];
let seen = null;
let decided = null;

/** Ask again and again who wants to connect, until the returned function is called; `doing` does what a button asks. */
export function followLinkRequests({ doing, refused }) {
  for (const verb of ["approve", "refuse"]) {
    at(`link-${verb}`).onclick = ({ currentTarget }) => doing(currentTarget, () => decide(verb));
  }
  const stop = repeat(load, { troubled: paintLinkRequests, refused });
  const ticking = setInterval(paintLinkRequests, TICK_MS);
  return () => {
    stop();
    clearInterval(ticking);
  };
}

/** Forget all, before another card is shown. */
export function forgetLinkRequests() {
  open = [];
  decided = null;
  paintLinkRequests();
}

/** Write the question that waits longest, or what came of the last one. */
export function paintLinkRequests() {
  open = open.filter((request) => Date.parse(request.expires_at) > serverNow());
  const asked = open[0];
  at("link-request").hidden = asked === undefined;
  if (asked) {
    say(at("link-what"), "link_request", { site: asked.site.name });
    write(at("link-left"), left(Date.parse(asked.expires_at) - serverNow()));
  }
  paintTold(asked);
  bringIntoSight(asked);
}

// Once for each: somebody may be far down in the list of what they bought.
function bringIntoSight(asked) {
  if (asked && asked.link_request_id !== seen) at("link-request").scrollIntoView({ block: "nearest" });
  seen = asked?.link_request_id ?? null;
}

async function load(signal) {
  const { items } = await get("link-requests", { signal });
  open = items.filter((request) => request.status === "pending");
  open.sort((one, other) => Date.parse(one.asked_at) - Date.parse(other.asked_at));
  paintLinkRequests();
  return POLL_MS;
}

// The question is spoken once, when it comes; its answer is also seen.
function paintTold(asked) {
  if (decided && serverNow() - decided.at > NOTICE_MS) decided = null;
  at("link-told").dataset.look = asked ? "spoken" : (decided?.look ?? "spoken");
  if (asked) say(at("link-told"), "link_request", { site: asked.site.name });
  else if (decided) say(at("link-told"), decided.word, { site: decided.site });
  else hush(at("link-told"));
}

async function decide(verb) {
  const asked = open[0];
  const outcome = await settle(asked, verb);
  open = open.filter((request) => request.link_request_id !== asked.link_request_id);
  const look = outcome === "linked" ? "good" : "calm";
  decided = { at: serverNow(), look, word: `link_${outcome}`, site: asked.site.name };
  paintLinkRequests();
  at("card-title").focus();
}

// Too late, or answered on another phone: that is an answer, too.
async function settle(asked, verb) {
  try {
    const answer = await post(`link-requests/${asked.link_request_id}/${verb}`);
    return answer.linked ? "linked" : answer.status === "approved" ? "pending" : "refused";
  } catch (problem) {
    if (problem.status === 409) return "late";
    throw problem;
  }
}
