/** The rotating code: each next one is there before the last one dies, and where it isn't, the page says so. */

import { get, NoConnection } from "./api.js";
import { serverNow } from "./clock.js";
import { at, hush, say, write } from "./page.js";
import { drawQr, wipeQr } from "./qr.js";
import { repeat } from "./repeat.js";

const STEP_MS = 30_000;
// A till accepts a code for this long after it was issued.
const LIFE_MS = 60_000;
const TICK_MS = 250;
const SHORTEST_WAIT_MS = 1000;
const JITTER_MS = { least: 100, most: 500 };

let current = null;
let trouble = null;
let expired = false;

/** Show codes until the returned function is called: `renewed()` hears of each, and `refused` of a final refusal. */
export function showCodes({ renewed, refused }) {
  const show = async (signal) => {
    const wait = await next(signal);
    renewed();
    return wait;
  };
  const stop = repeat(show, { troubled: notice, refused });
  const ticking = setInterval(paintCode, TICK_MS);
  paintCode();
  return () => {
    stop();
    clearInterval(ticking);
  };
}

/** Forget the code on show, because its card has been frozen or has ended. */
export function forgetCode() {
  current = null;
  trouble = null;
  expired = false;
  wipeQr(at("qr"));
}

/** Write what changes by the second: the countdown, and what is wrong. */
export function paintCode() {
  if (current !== null && serverNow() >= current.goodUntil) expire();
  paintPanel();
  paintTyped();
  paintCountdown();
  paintTrouble();
}

async function next(signal) {
  const answer = await get("code", { signal });
  trouble = null;
  expired = false;
  current = {
    typed: answer.typed_code,
    goodUntil: Date.parse(answer.issued_at) + LIFE_MS,
    refreshAt: Date.parse(answer.refresh_at),
  };
  drawQr(at("qr"), at("panel"), answer.code);
  paintCode();
  const jitter = JITTER_MS.least + Math.random() * (JITTER_MS.most - JITTER_MS.least);
  return Math.max(current.refreshAt - serverNow() + jitter, SHORTEST_WAIT_MS);
}

function notice(problem) {
  trouble = problem instanceof NoConnection ? "no_connection" : "no_answer";
  paintCode();
}

function expire() {
  current = null;
  expired = true;
  wipeQr(at("qr"));
}

function paintPanel() {
  at("code").dataset.state = current ? "good" : trouble ? "cut" : "waiting";
  at("qr").hidden = current === null;
  if (current || !trouble) hush(at("panel-text"));
  else say(at("panel-text"), expired ? "expired" : "no_code_yet");
}

function paintTyped() {
  const groups = current?.typed.match(/\d{1,3}/g) ?? [];
  write(at("typed-shown"), groups.join(" "));
  const digits = groups.map((group) => [...group].join(" ")).join(", ");
  if (current) say(at("typed-spoken"), "typed_spoken", { digits });
  else hush(at("typed-spoken"));
}

// To the next code; where none comes, to the end of this one.
function paintCountdown() {
  const [end, whole] = trouble ? [current?.goodUntil, LIFE_MS] : [current?.refreshAt, STEP_MS];
  const left = current ? Math.min(Math.max(end - serverNow(), 0), whole) : 0;
  at("ring").style.strokeDashoffset = String(1 - left / whole);
  // A ring with round ends leaves a dot of nothing.
  at("ring").style.strokeOpacity = left > 0 ? "1" : "0";
  write(at("seconds"), current ? String(Math.ceil(left / 1000)) : "");
}

// Only what is wrong is spoken aloud; the seconds beside it would speak without end.
function paintTrouble() {
  if (!trouble) {
    hush(at("trouble-what"));
    hush(at("trouble-left"));
    return;
  }
  say(at("trouble-what"), trouble);
  const seconds = current ? Math.ceil((current.goodUntil - serverNow()) / 1000) : 0;
  if (current) say(at("trouble-left"), "works_for", { n: seconds });
  else hush(at("trouble-left"));
}
