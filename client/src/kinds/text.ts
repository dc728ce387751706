/** A text, perhaps naming people, perhaps answering a message. */
import { failure } from "../failure.ts";
import type { Mention } from "../seam/attachments.ts";
import { MAX_TEXT, forwards, mentions, nullable, onceMore, replyTo, string } from "./fields.ts";
import type { ReplyPointer } from "./fields.ts";
import { PREVIEW } from "./kind.ts";
import type { WrittenKind } from "./kind.ts";

export interface TextContent {
  readonly kind: "text";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly replyTo: ReplyPointer | null;
  readonly forwards: number;
}

export interface TextBody {
  readonly kind: "text";
  readonly text: string;
  readonly mentions: readonly Mention[];
}

export interface TextPreview {
  readonly kind: "text";
  readonly text: string;
}

export const text: WrittenKind<TextContent, TextBody, TextPreview, TextBody> = {
  read: (fields) => ({
    kind: "text",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
    replyTo: nullable(fields["replyTo"], replyTo),
    forwards: forwards(fields["forwards"]),
  }),
  shown: true,
  texts: (content) => [content.text],
  foundAs: null,
  preview: (content) => ({ kind: "text", text: content.text.slice(0, PREVIEW) }),
  body: (content) =>
    Promise.resolve({ kind: "text", text: content.text, mentions: content.mentions }),
  mentions: (content) => content.mentions,
  attachments: () => [],
  replyTo: (content) => content.replyTo,
  forwards: (content) => content.forwards,
  forwarded: ({ kind, text, forwards }) => {
    return { kind, text, mentions: [], replyTo: null, forwards: onceMore(forwards) };
  },
  compose: ({ kind, text, mentions }, replyTo) => {
    if (text.trim() === "" || text.length > MAX_TEXT)
      throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    return { kind, text, mentions, replyTo, forwards: 0 };
  },
};
