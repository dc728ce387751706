/**
 * Settings with which the service worker writes notifications: it has no localStorage and no words.
 * Kept in the browser's cache of this origin; nothing in it is about people or messages.
 */
import type { Language } from "@copconnect/client/wire";

export interface PushWords {
  readonly app: string;
  readonly newMessage: string;
  readonly reply: string;
  readonly read: string;
}

/** Minutes since midnight, on this device's clock; `from` may be later than `to`. */
export interface QuietHours {
  readonly from: number;
  readonly to: number;
}

export interface PushSettings {
  readonly language: Language;
  /** The person wants names and words on the screen. */
  readonly detail: boolean;
  readonly quiet: QuietHours | null;
  readonly words: PushWords;
}

export const PLAIN: PushSettings = {
  language: "en",
  detail: false,
  quiet: null,
  words: {
    app: "Cop Connect",
    newMessage: "New message",
    reply: "Reply",
    read: "Mark as read",
  },
};

const CACHE = "copconnect-push";
const FILE = "/push-settings.json";

export async function saveSettings(settings: PushSettings): Promise<void> {
  const cache = await caches.open(CACHE);
  await cache.put(FILE, new Response(JSON.stringify(settings)));
}

export async function forgetSettings(): Promise<void> {
  await caches.delete(CACHE);
}

/** The settings; plain English without names where there are none. */
export async function readSettings(): Promise<PushSettings> {
  try {
    const kept = await (await caches.open(CACHE)).match(FILE);
    return kept === undefined ? PLAIN : { ...PLAIN, ...((await kept.json()) as PushSettings) };
  } catch {
    return PLAIN;
  }
}
