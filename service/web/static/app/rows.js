/** Rows of a list: what each one is, what is known about it, and what can be done with it. */

import { at, say, write } from "./page.js";
import { sentence } from "./words.js";

/** Make a row; `does` holds its buttons, `{ word, go(button), look }`. */
export function makeRow({ what, where, does = [] }) {
  const row = at("row").content.cloneNode(true).firstElementChild;
  write(row.querySelector(".what"), what);
  write(row.querySelector(".where"), where);
  row.querySelector(".does").append(...does.map((one) => makeButton(one, what)));
  return row;
}

// Ten buttons that say "Remove" are told apart by what they remove.
function makeButton({ word, go, look = "quiet" }, what) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = look;
  say(button, word);
  button.setAttribute("aria-label", `${sentence(word)}: ${what}`);
  button.onclick = () => go(button);
  return button;
}
