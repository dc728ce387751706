/**
 * A poll that is being written: when it ends, and whether its options are fit to be sent; and questions
 * found by words. Pure.
 */
import type { ConversationItem, MessageItem } from "@copconnect/client/core";
import { previewText } from "#i18n/talk.ts";

const HOUR_MS = 3_600_000;

export const ENDS = ["never", "hour", "shift", "day", "week"] as const;
export type PollEnd = (typeof ENDS)[number];

const SPANS: Readonly<Record<Exclude<PollEnd, "never">, number>> = {
  hour: HOUR_MS,
  shift: 8 * HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
};

export function endOf(end: PollEnd, nowMs: number): number | null {
  return end === "never" ? null : nowMs + SPANS[end];
}

/** The options that were filled in; null: fewer than two, or one of them twice. */
export function optionsOf(written: readonly string[]): readonly string[] | null {
  const options = written.map((one) => one.trim()).filter((one) => one !== "");
  return options.length >= 2 && new Set(options).size === options.length ? options : null;
}

/** A direct conversation has nobody to poll; a large or a closed one refuses polls, and says why. */
export function mayPoll({ kind }: Pick<ConversationItem, "kind">): boolean {
  return kind !== "direct";
}

/** Questions that have these words in them, or in their accepted answers. */
export function matchingQuestions(
  questions: readonly MessageItem[],
  text: string,
  onlyOpen: boolean,
): readonly MessageItem[] {
  const words = folded(text).split(/\s+/u).filter(Boolean);
  return questions.filter(({ body, answer }) => {
    if (body.kind !== "question" || (onlyOpen && body.state.answerId !== null)) return false;
    const said = folded(`${body.text} ${answer === null ? "" : previewText(answer.preview)}`);
    return words.every((word) => said.includes(word));
  });
}

function folded(text: string): string {
  return text.normalize("NFKC").toLocaleLowerCase();
}
