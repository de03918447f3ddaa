/** Does what a button asks for: one at a time, and a failure is said in words. */

import { NoConnection, Problem } from "./api.js";
import { hush, say } from "./page.js";
import { because } from "./words.js";

/**
 * Do `work` while `button` rests. Why it failed is written into `told`; `ended(problem)`, if anybody wants to know,
 * hears when the session is over.
 */
export async function act(button, work, { told, ended }) {
  button.disabled = true;
  hush(told);
  try {
    await work();
  } catch (problem) {
    if (problem.endsSession && ended) return ended(problem);
    say(told, because(problem));
    if (!(problem instanceof Problem || problem instanceof NoConnection)) throw problem;
  } finally {
    rouse(button);
  }
}

// A button that rests loses the keyboard's focus: it comes back, unless it has gone somewhere else meanwhile.
function rouse(button) {
  button.disabled = false;
  if (document.activeElement === document.body) button.focus();
}
