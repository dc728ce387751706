/** A question; replies answer it, and its asker marks the answer that settles it. */
import { failure } from "../failure.ts";
import type { Mention } from "./parts.ts";
import type { QuestionState } from "./consultation.ts";
import { MAX_TEXT, mentions, string } from "./fields.ts";
import { NOT_FORWARDED, PREVIEW, type WrittenKind } from "./kind.ts";

export interface QuestionContent {
  readonly kind: "question";
  readonly text: string;
  readonly mentions: readonly Mention[];
}

export interface QuestionBody extends QuestionContent {
  readonly state: QuestionState;
}

export interface QuestionPreview {
  readonly kind: "question";
  readonly text: string;
}

export const question: WrittenKind<
  QuestionContent,
  QuestionBody,
  QuestionPreview,
  QuestionContent
> = {
  read: (fields) => ({
    kind: "question",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
  }),
  shown: true,
  texts: (content) => [content.text],
  foundAs: "poll",
  preview: ({ text }) => ({ kind: "question", text: text.slice(0, PREVIEW) }),
  body: async (content, shown) => ({ ...content, state: await shown.question() }),
  mentions: (content) => content.mentions,
  attachments: () => [],
  replyTo: () => null,
  ...NOT_FORWARDED,
  compose: ({ kind, text, mentions }) => {
    const asked = text.trim();
    if (asked === "" || asked.length > MAX_TEXT)
      throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    return { kind, text: asked, mentions };
  },
};
