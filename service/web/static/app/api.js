/** The shopper's door of the service: calls with the session cookie and the CSRF token it asks for. */

import { learnRoughTime, learnTime } from "./clock.js";
import { currentLanguage } from "./words.js";

const TIMEOUT_MS = 8000;

// Only ever in memory: the session itself is a cookie that no script can read.
let csrfToken = "";

/** The service answered, and the answer is no. */
export class Problem extends Error {
  constructor(status, code, retryAfterSeconds) {
    super(code);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** Whether the same call may succeed a little later. */
  get passes() {
    return this.status >= 500 || this.status === 429;
  }

  /** Whether this page's session is over, or another tab has replaced it. */
  get endsSession() {
    return this.code === "unauthorized" || this.code === "csrf_failed";
  }
}

/** The service could not be reached. */
export class NoConnection extends Error {
  passes = true;
}

/** GET a resource. */
export const get = (path, options) => call("GET", path, options);
/** POST a JSON object. */
export const post = (path, body = {}) => call("POST", path, { body });
/** PUT a JSON object. */
export const put = (path, body) => call("PUT", path, { body });
/** DELETE a resource. */
export const remove = (path) => call("DELETE", path);

/** GET what has changed since the answer that carried `etag`: `{ etag, body }`, body null when nothing has. */
export async function getChanged(path, etag, { signal }) {
  const headers = etag ? { "If-None-Match": etag } : {};
  const { response, answer } = await exchange("GET", path, { headers, signal });
  return { etag: response.headers.get("ETag") ?? etag, body: response.status === 304 ? null : answer };
}

async function call(method, path, options) {
  const { answer } = await exchange(method, path, options);
  if (answer?.csrf_token) csrfToken = answer.csrf_token;
  return answer;
}

async function exchange(method, path, { body, headers = {}, signal } = {}) {
  const sentAt = Date.now();
  const { response, answer } = await send(method, path, body, headers);
  signal?.throwIfAborted();
  if (answer?.server_time) learnTime(answer.server_time, sentAt, Date.now());
  else learnRoughTime(response.headers.get("Date"));
  if (response.ok || response.status === 304) return { response, answer };
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  throw new Problem(response.status, answer?.code ?? "", retryAfter);
}

async function send(method, path, body, headers) {
  const unsafe = method !== "GET" && { "X-CSRF-Token": csrfToken };
  const json = body && { "Content-Type": "application/json" };
  try {
    const response = await fetch(`shopper/v1/${path}`, {
      method,
      headers: { "Accept-Language": currentLanguage(), ...headers, ...unsafe, ...json },
      body: body && JSON.stringify(body),
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { response, answer: parse(await response.text()) };
  } catch {
    throw new NoConnection();
  }
}

// A proxy in between may answer with a page of its own: its status says enough.
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
