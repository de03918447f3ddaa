/** Signs in, or joins, with a one-time code; a phone number that may have changed hands needs a second proof. */

import { post } from "./api.js";
import { proveContact } from "./proof.js";

/** Ask who is there; `words` as in `proveContact`, and `whenIn()` hears when the session stands. */
export function signIn({ words, whenIn }) {
  proveContact({
    words,
    send: (contact) => post("sign-in", contact),
    check: (request, code) => enter(request, { code }, whenIn),
  });
}

async function enter(request, body, whenIn) {
  const answer = await post(`sign-in/${request}`, body);
  if (answer.status === "second_proof_needed") return proveMore({ request, body, kind: answer.kind }, whenIn);
  return whenIn();
}

// Without a contact that could be proved too, the number opens nothing but a new file.
function proveMore(first, whenIn) {
  const more = {
    send: (contact) => post("sign-in", { ...contact, first_proof: first.request }),
    check: (request, code) => enter(request, { code }, whenIn),
  };
  proveContact({
    words: `second_${first.kind ?? "none"}`,
    ...(first.kind && more),
    other: { word: "new_owner", sure: "new_owner", go: () => beginAfresh(first, whenIn) },
  });
}

const beginAfresh = ({ request, body }, whenIn) => enter(request, { ...body, new_owner: true }, whenIn);
