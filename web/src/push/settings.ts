/**
 * Settings with which the service worker writes notifications: it has no localStorage and no words.
 * Kept in the browser's cache of this origin; nothing in it is about people or messages.
 */
import type { CalledAs } from "@copconnect/client/core";
import type { Language } from "@copconnect/client/wire";
import type { Duty } from "./duty.ts";

export interface PushWords {
  readonly app: string;
  readonly newMessage: string;
  /** How a message mentions this person. */
  readonly called: Readonly<Record<CalledAs, string>>;
  readonly newReaction: string;
  /** With the place `{{emoji}}`. */
  readonly reacted: string;
  readonly reply: string;
  readonly read: string;
  readonly write: string;
  readonly notSent: string;
  /** With the place `{{until}}`. */
  readonly notPosted: string;
  readonly acknowledge: string;
  readonly reminder: string;
  readonly unfinished: string;
  readonly lessons: string;
  readonly away: string;
  readonly back: string;
}

export interface PushSettings {
  readonly language: Language;
  /** The person wants names and words on the screen. */
  readonly detail: boolean;
  /** null: messages sound at every time. */
  readonly duty: Duty | null;
  readonly words: PushWords;
}

export const PLAIN: PushSettings = {
  language: "en",
  detail: false,
  duty: null,
  words: {
    app: "Cop Connect",
    newMessage: "New message",
    called: {
      person: "Mentions you",
      post: "Mentions your post",
      posts: "Mentions your post in all units",
      rank: "Mentions your rank",
      everybody: "Mentions everybody",
    },
    newReaction: "New reaction",
    reacted: "Reacted {{emoji}} to your message",
    reply: "Reply",
    read: "Mark as read",
    write: "Write a reply",
    notSent: "Your reply was not sent. Open the conversation to send it.",
    notPosted: "You cannot write there until {{until}}. Your reply was not sent.",
    acknowledge: "Acknowledge",
    reminder: "You still have to acknowledge an order",
    unfinished: "An order still asks you for something",
    lessons: "Your lessons are not finished. Open Training when you have ten minutes.",
    away: "Cop Connect is locked on this phone. Open it to see why.",
    back: "Cop Connect is unlocked on this phone.",
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
