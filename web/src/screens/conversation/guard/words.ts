/** The guard's classes in words; weights may know classes that this version has no word for. */
import type { ForwardingLimits } from "@copconnect/client/core";
import { t, type TextKey } from "../../../i18n/index.svelte.ts";

export const CLASSES = [
  "greeting",
  "festival",
  "chain",
  "joke",
  "devotional",
  "political",
  "motivational",
  "selling",
  "emoji",
] as const;

type Known = (typeof CLASSES)[number] | "other";

function known(claimed: string): Known {
  return CLASSES.find((one) => one === claimed) ?? "other";
}

/** "This looks like a greeting". */
export function looksLike(claimed: string): string {
  const key: TextKey = `guard.looks.${known(claimed)}`;
  return t(key);
}

/** "greetings". */
export function className(claimed: string): string {
  const key: TextKey = `guard.names.${known(claimed)}`;
  return t(key);
}

/** The limits of forwarding, a sentence each. */
export function forwardingLines(limits: ForwardingLimits): readonly string[] {
  const { chats, often, oftenChats, large, announcement } = limits;
  if (chats === 0) return [t("guard.forwards.off")];
  return [
    t("guard.forwards.chats", { count: chats }),
    t("guard.forwards.often", { often, count: oftenChats }),
    t(large ? "guard.forwards.large" : "guard.forwards.noLarge"),
    t(announcement ? "guard.forwards.announcement" : "guard.forwards.noAnnouncement"),
  ];
}
