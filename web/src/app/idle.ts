/** Work that what is on screen does not need. */

/** So long a page that is never idle puts it off. */
const TIMEOUT_MS = 2_000;

/** Do it when the page has nothing else to do. */
export function whenIdle(work: () => void): void {
  // Safari knows no idle moments.
  if ("requestIdleCallback" in globalThis) requestIdleCallback(work, { timeout: TIMEOUT_MS });
  else setTimeout(work);
}
