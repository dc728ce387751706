/** The one thing that is missing until messages wake this device, for the first run to say. Pure. */
import type { PushState } from "./pushes.svelte.ts";

export type NotificationNeed =
  /** iOS wakes only apps on the home screen. */
  | "homeScreen"
  | "otherBrowser"
  | "blocked"
  /** The person's word: the browser asks for it. */
  | "ask"
  /** The server gives no key for pushes. */
  | "server"
  | "confirming"
  /** Nothing: the pushes' own state says how far they are. */
  | null;

export interface Circumstances {
  readonly ios: boolean;
  readonly installed: boolean;
  /** The browser has notifications. */
  readonly possible: boolean;
  readonly push: PushState;
  readonly blocked: boolean;
  readonly on: boolean;
  /** null while the server has not answered. */
  readonly keyKnown: boolean | null;
  readonly confirmed: boolean;
}

/** iPhones and iPads; the latter say that they are Macs. */
export function isIos(userAgent: string, touchPoints: number): boolean {
  return /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && touchPoints > 1);
}

export function notificationNeed(here: Circumstances): NotificationNeed {
  if (here.ios && !here.installed) return "homeScreen";
  if (!here.possible || here.push === "unsupported") return "otherBrowser";
  if (here.blocked) return "blocked";
  if (here.keyKnown === false) return "server";
  if (!here.on) return "ask";
  return here.confirmed ? null : "confirming";
}
