/** Where the card is open: the shopper's sessions on all their phones, and how to end those of others. */

import { get, post, remove } from "./api.js";
import { serverNow } from "./clock.js";
import { at, confirm } from "./page.js";
import { makeRow } from "./rows.js";
import { sentence, when } from "./words.js";

/** List the sessions; `doing` does what a button asks, `again(word)` shows the page once more and says so. */
export async function loadSessions({ doing, again }) {
  const { items } = await get("sessions");
  at("sessions").replaceChildren(...items.map((item) => makeRow(describe(item, doing, again))));
  at("end-others").hidden = items.every((item) => item.current);
  at("end-others").onclick = ({ currentTarget }) => endOthers(currentTarget, doing, again);
}

function describe(item, doing, again) {
  const what = item.site?.name ?? sentence("session_own");
  const since = sentence("session_since", { when: when(Date.parse(item.created_at), serverNow()) });
  const here = item.current && sentence("session_here");
  const empty = !item.card_id && sentence("session_no_card");
  const ending = { word: "end_session", look: "quiet danger", go: (button) => end(item, button, doing, again) };
  return {
    what,
    where: [since, here, empty].filter(Boolean).join(" · "),
    called: `${what}, ${since}`,
    does: item.current ? [] : [ending],
  };
}

async function end(item, button, doing, again) {
  if (!(await confirm("end_session"))) return;
  await doing(button, async () => {
    await remove(`sessions/${item.session_id}`);
    await again("session_ended");
  });
}

async function endOthers(button, doing, again) {
  if (!(await confirm("end_others"))) return;
  await doing(button, async () => {
    await post("sessions/end-others");
    await again("others_ended");
  });
}
