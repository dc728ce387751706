/** A text, perhaps naming people, perhaps answering a message. */
import type { Mention } from "../core.ts";
import { MAX_TEXT, mentions, nullable, replyTo, string } from "./fields.ts";
import type { ReplyPointer } from "./fields.ts";
import { PREVIEW } from "./kind.ts";
import type { Kind } from "./kind.ts";

export interface TextContent {
  readonly kind: "text";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly replyTo: ReplyPointer | null;
}

export const text: Kind<TextContent> = {
  read: (fields) => ({
    kind: "text",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
    replyTo: nullable(fields["replyTo"], replyTo),
  }),
  preview: (content) => ({ kind: "text", text: content.text.slice(0, PREVIEW) }),
  body: (content) =>
    Promise.resolve({ kind: "text", text: content.text, mentions: content.mentions }),
  mentions: (content) => content.mentions,
  attachments: () => [],
  replyTo: (content) => content.replyTo,
};
