/** What tills did with the shopper's codes, newest first, and the notice of the scan that has just happened. */

import { get, getChanged } from "./api.js";
import { serverNow } from "./clock.js";
import { at, hush, say, write } from "./page.js";
import { repeat } from "./repeat.js";
import { money, sentence, when, why } from "./words.js";

const POLL_MS = 1000;
const PAGE_SIZE = 10;
// As long as a notice may honestly say "just now"; and only beside a code, where the shopper stands at a till.
const NOTICE_MS = 60_000;
// A refusal is of the code that was shown: the next code ends its notice, but not before it could be read.
const REFUSAL_MS = 10_000;

const items = new Map();
const rows = new Map();
let etag = null;
let olderThan;
let following = false;
let noticed = null;
let settled = null;
let notMe;

/** Load the newest activity; with `follow`, again each second until the returned function is called. */
export function readActivity({ follow, refused }) {
  following = follow;
  const poll = async (signal) => {
    await loadNewest(signal);
    return follow ? POLL_MS : null;
  };
  return repeat(poll, { troubled: paintActivity, refused });
}

/** Take the notice away: what it was about is settled. */
export function endNotice() {
  settled = noticed?.scan.id;
  paintActivity();
}

/** Take the notice of a refusal away, since another code is shown now. */
export function endRefusal() {
  if (noticed?.scan.outcome === "refused" && Date.now() - noticed.since >= REFUSAL_MS) endNotice();
}

/** Load the page after the oldest one shown. */
export async function loadOlder() {
  const page = await get(`activity?limit=${PAGE_SIZE}&after=${encodeURIComponent(olderThan)}`);
  keep(page.items);
  olderThan = page.next_cursor;
  paintActivity();
}

/** Forget all, before another session's activity is shown; `answerNotMe(item, button)` hears its buttons. */
export function beginActivity(answerNotMe) {
  items.clear();
  rows.clear();
  etag = null;
  olderThan = undefined;
  noticed = null;
  settled = null;
  notMe = answerNotMe;
  paintActivity();
}

/** Put a changed item in the place of the old one. */
export function keepItem(item) {
  keep([item]);
  paintActivity();
}

/** Write the list and the notice as of now. */
export function paintActivity() {
  const newestFirst = [...items.values()].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
  const now = serverNow();
  paintNotice(newestFirst, now);
  paintRows(newestFirst, now);
  at("nothing").hidden = items.size > 0;
  at("more").hidden = !olderThan;
}

async function loadNewest(signal) {
  const changed = await getChanged(`activity?limit=${PAGE_SIZE}`, etag, { signal });
  etag = changed.etag;
  if (changed.body) keep(changed.body.items);
  // Later polls bring newer items: the first one says where the older ones begin.
  if (changed.body && olderThan === undefined) olderThan = changed.body.next_cursor;
  paintActivity();
}

function keep(found) {
  for (const item of found) items.set(key(item), item);
}

const key = (item) => `${item.kind} ${item.id}`;

function paintNotice(newestFirst, now) {
  const scan = newestFirst.find((item) => item.kind === "scan");
  const fresh = following && scan && scan.id !== settled && now - Date.parse(scan.at) < NOTICE_MS;
  at("banner").dataset.outcome = fresh ? scan.outcome : "none";
  if (!fresh) return hush(at("notice"));
  if (noticed?.scan.id !== scan.id) noticed = { scan, since: Date.now() };
  const outcome = scan.outcome === "identified" ? "identified" : "refused";
  const place = { store: scan.store, terminal: scan.terminal, when: when(Date.parse(scan.at), now) };
  return say(at("notice"), `notice_${outcome}`, { ...place, why: why(scan.reason) });
}

// Rows are kept and moved only when they must: a row that is replaced takes the keyboard's focus with it.
function paintRows(newestFirst, now) {
  const list = at("items");
  if (items.size === 0) list.replaceChildren();
  newestFirst.forEach((item, place) => {
    const row = rows.get(key(item)) ?? makeRow(item);
    fillRow(row, item, now);
    if (list.children[place] !== row) list.insertBefore(row, list.children[place] ?? null);
  });
}

function makeRow(item) {
  const row = at("item").content.cloneNode(true).firstElementChild;
  row.querySelector(".not-me").onclick = ({ currentTarget }) => notMe(items.get(key(item)), currentTarget);
  rows.set(key(item), row);
  return row;
}

function fillRow(row, item, now) {
  const told = item.kind === "sale" ? tellSale(item) : tellScan(item);
  const time = when(Date.parse(item.at), now);
  row.className = told.look;
  row.querySelector("use").setAttribute("href", `#icon-${told.look}`);
  write(row.querySelector(".what"), told.what);
  write(row.querySelector(".where"), told.where);
  write(row.querySelector(".why"), told.why);
  write(row.querySelector("time"), time);
  row.querySelector("time").dateTime = item.at;
  fillNotMe(row.querySelector(".not-me"), item, time);
}

function fillNotMe(button, item, time) {
  button.hidden = item.kind !== "scan" || item.flagged;
  say(button, "not_me");
  const label = sentence("not_me_label", { store: item.store, terminal: item.terminal, when: time });
  button.setAttribute("aria-label", label);
}

function tellSale(item) {
  const [total, returned] = [item.total_minor, item.returned_minor].map((minor) => money(minor, item.currency));
  const what = sentence(item.returned_minor ? "sale_returned" : "sale", { total, returned });
  const where = { store: item.store, terminal: item.terminal, receipt: item.receipt_number };
  return { look: "sale", what, where: sentence("receipt", where), why: "" };
}

function tellScan(item) {
  const look = item.outcome === "identified" ? "identified" : "refused";
  const where = sentence("at", { store: item.store, terminal: item.terminal });
  const told = [look === "refused" ? why(item.reason) : "", item.flagged ? sentence("flagged") : ""];
  return { look, what: sentence(look), where, why: told.filter(Boolean).join(" ") };
}
