/** The shopper's whole file: taking a copy, erasing it, and leaving this phone. */

import { get, post, remove } from "./api.js";
import { at, confirm } from "./page.js";
import { sentence } from "./words.js";

const INDENT = 2;

/** Listen to the buttons; `left(word)` hears by which of them the session ended: `removed` or `erased`. */
export function prepareFile(doing, left) {
  at("export").onclick = () => doing(at("export"), download);
  at("erase").onclick = () => erase(doing, left);
  at("sign-out").onclick = () => signOut(doing, left);
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
async function erase(doing, left) {
  if (!(await confirm("erase"))) return;
  if (!(await confirm("erase_sure"))) return;
  await doing(at("erase"), async () => {
    await post("erase", { confirm: "erase" });
    left("erased");
  });
}

async function signOut(doing, left) {
  if (!(await confirm("sign_out"))) return;
  await doing(at("sign-out"), async () => {
    await remove("session");
    left("removed");
  });
}
