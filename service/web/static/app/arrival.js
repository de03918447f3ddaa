/** Takes what the page was opened with out of the address, so that no history, bookmark or screenshot keeps it. */

const NAMES = ["handoff", "claim"];

let waiting = {};

function take() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = NAMES.filter((name) => given.has(name)).map((name) => [name, given.get(name)]);
  if (found.length === 0) return;
  history.replaceState(null, "", location.pathname + location.search);
  waiting = Object.fromEntries(found);
}

/** What this page was opened with, `{ handoff }` or `{ claim }`, or nothing; it is given out once. */
export function takeArrival() {
  const arrival = waiting;
  waiting = {};
  return arrival;
}

/** Call `listener` when the address changes in this same tab: by a new link, or to another part of the app. */
export function onArrival(listener) {
  addEventListener("hashchange", () => {
    take();
    listener();
  });
}

take();
