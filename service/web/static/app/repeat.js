/** Work that repeats, and that backs off while the service can't be reached. */

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 8000;

/**
 * Run `work(signal)` now, and again after the milliseconds it answers (null: never), until the returned
 * function is called.
 * A passing failure is told to `troubled` and tried again; any other is told to `refused` and ends the work.
 */
export function repeat(work, { troubled, refused }) {
  const ending = new AbortController();
  let timer;
  let failures = 0;

  async function attempt() {
    try {
      const wait = await work(ending.signal);
      failures = 0;
      return wait;
    } catch (problem) {
      if (!problem.passes) throw problem;
      failures += 1;
      troubled(problem);
      return backOff(failures, problem.retryAfterSeconds);
    }
  }

  async function run() {
    try {
      const wait = await attempt();
      if (wait !== null && !ending.signal.aborted) timer = setTimeout(run, wait);
    } catch (problem) {
      if (!ending.signal.aborted) refused(problem);
    }
  }

  run();
  return () => {
    clearTimeout(timer);
    ending.abort();
  };
}

// Doubling, with jitter so that a shop full of phones doesn't come back at once, and never before the service wants.
function backOff(failures, retryAfterSeconds = 0) {
  const longest = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS);
  return Math.max(longest * (0.5 + Math.random() / 2), retryAfterSeconds * 1000);
}
