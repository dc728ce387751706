/** The guard's classes in words; weights may know classes that this version has no word for. */
import type { ForwardingLimits, GuardPlace, GuardPolicy } from "@copconnect/client/core";
import { rankName } from "#app/state/directory.svelte.ts";
import { t, type TextKey } from "#i18n/index.svelte.ts";

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

type KnownClass = (typeof CLASSES)[number] | "other";

function known(claimed: string): KnownClass {
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

export const PLACES: readonly GuardPlace[] = ["direct", "group", "large", "announcement"];

export interface PolicyPart {
  readonly title: string;
  readonly lines: readonly string[];
}

/** A policy in words: what happens in each kind of place, then forwarding, hours and ranks. */
export function policyParts(policy: GuardPolicy): readonly PolicyPart[] {
  const parts: PolicyPart[] = PLACES.map((place) => {
    const { nudge, insist } = policy.places[place];
    const lines = [
      ...(insist.length > 0 ? [t("guard.insistsOn", { names: names(insist) })] : []),
      ...(nudge.length > 0 ? [t("guard.nudges", { names: names(nudge) })] : []),
    ];
    const title =
      place === "large"
        ? t("guard.places.large", { count: policy.largeFrom })
        : t(`guard.places.${place}`);
    return { title, lines: lines.length > 0 ? lines : [t("guard.nothing")] };
  });
  parts.push({ title: t("guard.forwards.title"), lines: forwardingLines(policy.forwarding) });
  const [from, to] = policy.hours;
  const always = from === 0 && to === 24;
  const ranks = policy.exemptRanks.map(rankName).join(", ");
  const lines = [
    ...(always ? [] : [t("guard.hours", { from, to })]),
    ...(ranks === "" ? [] : [t("guard.exempt", { names: ranks })]),
  ];
  return lines.length > 0 ? [...parts, { title: t("guard.title"), lines }] : parts;
}

function names(classes: readonly string[]): string {
  return classes.map(className).join(", ");
}
