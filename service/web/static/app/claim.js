/** Claims the purchase of a receipt, and says in words what came of it. */

import { Problem, post } from "./api.js";
import { tell } from "./page.js";
import { money } from "./words.js";

const REFUSALS = {
  already_claimed: "claim_taken",
  claimed_too_many: "claim_enough",
  not_claimable: "claim_refused",
  too_late: "claim_late",
  invalid_body: "claim_unread",
};

const CODE = /^74(\d{39})$/;
const SECRETS = 2n ** 128n;

/** Whether these digits are a claim code at all. */
export function canBeClaimed(digits) {
  const found = CODE.exec(digits);
  return found !== null && BigInt(found[1]) < SECRETS;
}

/** Claim the purchase that `digits` stand for; resolves when the shopper has read the answer and goes on. */
export async function claim(digits) {
  const { key, values } = await ask(digits);
  return new Promise((resolve) => tell(key, { values, word: "go_on", go: resolve }));
}

async function ask(digits) {
  try {
    const { sale } = await post("claims", { claim_code: digits });
    return sale ? { key: "claimed", values: describe(sale) } : { key: "claim_waits" };
  } catch (problem) {
    if (problem instanceof Problem && problem.code in REFUSALS) return { key: REFUSALS[problem.code] };
    throw problem;
  }
}

const describe = (sale) => ({ store: sale.store, total: money(sale.total_minor, sale.currency) });
