/** The wording of a notification. Pure. */
import {
  wordingIn,
  type CalledAs,
  type MessageItem,
  type ReactionNotice,
  type TitledText,
} from "@copconnect/client/core";
import type { Language, Names } from "@copconnect/client/wire";

export interface MessageWords {
  readonly plain: string;
  /** How a message mentions this person. */
  readonly called: Readonly<Record<CalledAs, string>>;
}

/** The words of a reaction to a message of this person's. */
export interface ReactionWords {
  readonly plain: string;
  /** With the place `{{emoji}}`. */
  readonly told: string;
}

/** The lines of a notification that somebody reacted to a message. */
export function reactionWording(
  item: MessageItem,
  { emoji, by }: ReactionNotice,
  allowed: boolean,
  words: ReactionWords,
  name: (names: Names) => string,
): { readonly title: string; readonly body: string } {
  if (!allowed || by === null) return { title: "Cop Connect", body: words.plain };
  const told = words.told.replace("{{emoji}}", emoji);
  const text = "text" in item.body ? item.body.text : "";
  return { title: name(by.names), body: joined(told, text) };
}

/** The reason for a notification, then the beginning of the message; either may be empty. */
function joined(told: string, text: string): string {
  return [told, text.slice(0, 200)].filter((part) => part !== "").join(": ");
}

/** The words of a message; of an order or of its correction the title, in a language. */
function saidIn(body: MessageItem["body"], language: Language): string {
  if (body.kind === "order" || body.kind === "order_change") {
    const { title } = wordingIn<TitledText>(body, language);
    return body.kind === "order_change" && title === "" ? body.reason : title;
  }
  return "text" in body ? body.text : "";
}

/** The lines of a notification. `allowed`: the person wants names and words on the screen. */
export function wording(
  item: MessageItem,
  allowed: boolean,
  { plain, called }: MessageWords,
  name: (names: Names) => string,
  language: Language,
): { readonly title: string; readonly body: string } {
  if (!allowed || item.sender === null) return { title: "Cop Connect", body: plain };
  const told = item.called === undefined ? "" : called[item.called];
  const body = joined(told, saidIn(item.body, language));
  return { title: name(item.sender.names), body: body === "" ? plain : body };
}
