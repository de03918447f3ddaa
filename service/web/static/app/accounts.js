/** The shops whose accounts are the shopper's: those connected, and those that wait for a word. */

import { get, post, remove } from "./api.js";
import { at, confirm } from "./page.js";
import { makeRow } from "./rows.js";
import { day, listed, sentence } from "./words.js";

/** List the accounts; `doing` does what a button asks, `again(word)` shows the page once more and says so. */
export async function loadAccounts({ doing, again }) {
  const { items } = await get("accounts");
  const waiting = items.filter((item) => item.status === "to_confirm");
  const linked = items.filter((item) => item.status === "linked");
  at("to-confirm").hidden = waiting.length === 0;
  at("accounts-to-confirm").replaceChildren(...together(waiting).map((asked) => makeRow(ask(asked, doing, again))));
  at("accounts").replaceChildren(...linked.map((item) => makeRow(describe(item, doing, again))));
  at("accounts-none").hidden = linked.length > 0;
}

/** The accounts that one answer decides, oldest first. */
function together(items) {
  const asked = new Map();
  for (const item of items) asked.set(item.proposal_id, [...(asked.get(item.proposal_id) ?? []), item]);
  return [...asked.values()];
}

function ask(items, doing, again) {
  const [item] = items;
  const answer = (verb) => (button) =>
    doing(button, async () => {
      const { status } = await post(`accounts/${item.proposal_id}/${verb}`);
      await again(`account_${status}`);
    });
  return {
    what: listed(items.map(({ site }) => site.name)),
    where: sentence("account_since", { when: day(item.since) }),
    does: [
      { word: "mine", look: "main", go: answer("confirm") },
      { word: "not_mine", look: "", go: answer("refuse") },
    ],
  };
}

function describe(item, doing, again) {
  return {
    what: item.site.name,
    where: sentence("account_since", { when: day(item.since) }),
    does: [{ word: "disconnect", look: "quiet danger", go: (button) => disconnect(item, button, doing, again) }],
  };
}

async function disconnect(item, button, doing, again) {
  if (!(await confirm("disconnect", { site: item.site.name }))) return;
  await doing(button, async () => {
    await remove(`accounts/${item.identifier_id}`);
    await again("account_gone");
  });
}
