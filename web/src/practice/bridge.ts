/**
 * The words between a lesson and the practice that it shows. The practice is a page of its own in a
 * frame (practice.html), for three reasons: the screens reach their core, their address and their
 * lists through modules that a page has once, and a frame has modules of its own; the real core goes
 * on beside it, so that a flash order still rings; and the page's policy forbids every connection, so
 * that the browser itself proves that nothing leaves the phone, whatever mistake a screen makes.
 */
export const PRACTICES = ["message", "group", "order", "guard", "report", "place"] as const;

export type PracticeName = (typeof PRACTICES)[number];

/** The practice's words to the lesson around it. */
export type FromPractice =
  /** Every step is done. */
  | { readonly practice: "done" }
  /** The person wants to go back to the lesson. */
  | { readonly practice: "leave" };

const WORDS: readonly FromPractice["practice"][] = ["done", "leave"];

/** The message of an event, if it comes from this frame of this very origin. */
export function wordOf(event: MessageEvent, frame: Window | null): FromPractice | null {
  if (frame === null || event.source !== frame || event.origin !== location.origin) return null;
  const word = (event.data as Partial<FromPractice> | null)?.practice;
  const known = WORDS.find((one) => one === word);
  return known === undefined ? null : { practice: known };
}

export function tellLesson(word: FromPractice): void {
  if (parent !== window) parent.postMessage(word, location.origin);
}
