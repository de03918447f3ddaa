/** The service's clock, kept beside the phone's own, which may be wrong. */

let offset = 0;
let exact = false;

/** Learn from an answer: `serverTime` was told half-way between sending and receiving (milliseconds). */
export function learnTime(serverTime, sentAt, receivedAt) {
  offset = Date.parse(serverTime) - (sentAt + receivedAt) / 2;
  exact = true;
}

/** Learn from a Date header, good to a second, until something better is known. */
export function learnRoughTime(date) {
  const told = Date.parse(date);
  if (!exact && !Number.isNaN(told)) offset = told - Date.now();
}

/** The service's time now, in milliseconds. */
export function serverNow() {
  return Date.now() + offset;
}
