/** The shopper's whole file: taking a copy, erasing it, and leaving this phone. */

import { get, post, remove } from "./api.js";
import { at, confirm } from "./page.js";
import { sentence } from "./words.js";

const INDENT = 2;

/** Listen to the buttons; `left(word)` hears by which of them the session ended: `removed` or `erased`. */
export function prepareFile(doing, left) {
  const on = (id, work) => (at(id).onclick = () => doing(at(id), work));
  on("export", download);
  on("erase", () => erase(left));
  on("sign-out", () => signOut(left));
}

async function download() {
  const copy = JSON.stringify(await get("export"), null, INDENT);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([copy], { type: "application/json" }));
  link.download = sentence("export_file");
  link.click();
  URL.revokeObjectURL(link.href);
}

// Asked twice: what goes and what stays, and then whether it is meant.
async function erase(left) {
  if (!(await confirm("erase"))) return;
  if (!(await confirm("erase_sure"))) return;
  await post("erase", { confirm: "erase" });
  left("erased");
}

async function signOut(left) {
  if (!(await confirm("sign_out"))) return;
  await remove("session");
  left("removed");
}
