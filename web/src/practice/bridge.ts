/**
 * The words between a lesson and the practice that it shows. The practice is its own page in a
 * frame (practice.html), for three reasons: the screens reach their core, their address and their
 * lists through modules that a page has once, and a frame has its own modules; the real core runs
 * beside it, so that a flash order still rings; and the page's policy forbids every connection, so
 * that the browser itself proves that nothing leaves the phone, whatever mistake a screen makes.
 */
export const PRACTICES = ["message", "group", "order", "guard", "report", "place"] as const;

export type PracticeName = (typeof PRACTICES)[number];

/** The practice's words to the lesson around it. */
export type FromPractice =
  /** Every step is done. */
  | { readonly practice: "done" }
  /** The person wants to go back to the lesson. */
  | { readonly practice: "leave" }
  /** The text to judge: the page itself cannot fetch the guard's weights. */
  | { readonly practice: "judge"; readonly number: number; readonly text: string };

/** The lesson's answer: the class that claims the text; null where there are no weights yet. */
export interface Judged {
  readonly judged: number;
  readonly claimed: string | null;
}

/** The message of an event, if it comes from this frame of this very origin. */
export function wordOf(event: MessageEvent, frame: Window | null): FromPractice | null {
  if (frame === null || event.source !== frame || event.origin !== location.origin) return null;
  const said = event.data as { practice?: unknown; number?: unknown; text?: unknown } | null;
  if (said?.practice === "done" || said?.practice === "leave") return { practice: said.practice };
  if (said?.practice !== "judge") return null;
  const { number, text } = said;
  return typeof number === "number" && typeof text === "string"
    ? { practice: "judge", number, text }
    : null;
}

export function tellLesson(word: FromPractice): void {
  if (parent !== window) parent.postMessage(word, location.origin);
}

let asked = 0;

/** The class that this device's guard claims a text for, as the lesson around the practice says. */
export function claimedBy(text: string): Promise<string | null> {
  // A page alone, without a lesson around it, has nobody to ask.
  if (parent === window) return Promise.resolve(null);
  const number = ++asked;
  return new Promise((resolve) => {
    const heard = (event: MessageEvent): void => {
      const said = event.data as Partial<Judged> | null;
      if (event.source !== parent || event.origin !== location.origin || said?.judged !== number)
        return;
      removeEventListener("message", heard);
      resolve(typeof said.claimed === "string" ? said.claimed : null);
    };
    addEventListener("message", heard);
    tellLesson({ practice: "judge", number, text });
  });
}
