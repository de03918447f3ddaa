/** Takes the one-time handoff out of the address, so that no history, bookmark or screenshot keeps it. */

let waiting = null;

function take() {
  const found = new URLSearchParams(location.hash.slice(1)).get("handoff");
  if (found === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  waiting = found;
}

/** The handoff this page was opened with, or null; it is given out once. */
export function takeHandoff() {
  const handoff = waiting;
  waiting = null;
  return handoff;
}

/** Call `listener` when a new link is opened in this same tab. */
export function onNewHandoff(listener) {
  addEventListener("hashchange", () => {
    take();
    if (waiting !== null) listener();
  });
}

take();
