/** Who looked at the shopper's file, when and why: newest first, page by page. */

import { get } from "./api.js";
import { serverNow } from "./clock.js";
import { at } from "./page.js";
import { makeRow } from "./rows.js";
import { when } from "./words.js";

const PAGE_SIZE = 10;

let olderThan;

/** Load the newest looks each time the part is opened, and older ones when they are asked for. */
export function prepareLooks(doing) {
  at("looks").open = false;
  at("looks").ontoggle = () => at("looks").open && doing(at("looks-more"), loadNewest);
  at("looks-more").onclick = ({ currentTarget }) => doing(currentTarget, loadOlder);
}

async function loadNewest() {
  at("looks-items").replaceChildren();
  await load("");
}

const loadOlder = () => load(`&after=${encodeURIComponent(olderThan)}`);

async function load(after) {
  const page = await get(`audit?limit=${PAGE_SIZE}${after}`);
  at("looks-items").append(...page.items.map(describe));
  olderThan = page.next_cursor;
  at("looks-more").hidden = !olderThan;
  at("looks-none").hidden = at("looks-items").children.length > 0;
}

function describe({ at: moment, who, what, why }) {
  const time = when(Date.parse(moment), serverNow());
  const told = `${who[0].toUpperCase()}${who.slice(1)}: ${what}`;
  return makeRow({ what: told, where: [time, why].filter(Boolean).join(" · ") });
}
