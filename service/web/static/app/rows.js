/** Rows of a list: what each one is, what is known about it, and what can be done with it. */

import { at, say, write } from "./page.js";
import { sentence } from "./words.js";

/** Make a row; `does` holds its buttons, `{ word, go(button), look }`, which say that they are for `called`. */
export function makeRow({ what, where, called = what, does = [] }) {
  const row = at("row").content.cloneNode(true).firstElementChild;
  write(row.querySelector(".what"), what);
  write(row.querySelector(".where"), where);
  row.querySelector(".does").append(...does.map((one) => makeButton(one, called)));
  return row;
}

// Ten buttons that say "Remove" are told apart by what they remove.
function makeButton({ word, go, look = "quiet" }, called) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = look;
  say(button, word);
  button.setAttribute("aria-label", `${sentence(word)}: ${called}`);
  button.onclick = () => go(button);
  return button;
}
