/** Runs work that no screen waits for. */

/** The longest delay on a page that is never idle. */
const TIMEOUT_MS = 2_000;

/** Run the work when the page is idle. */
export function whenIdle(work: () => void): void {
  // Safari knows no idle moments.
  if ("requestIdleCallback" in globalThis) requestIdleCallback(work, { timeout: TIMEOUT_MS });
  else setTimeout(work);
}
