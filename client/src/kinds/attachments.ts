/** Files with an optional caption. */
import type { Mention } from "../core.ts";
import { MAX_ATTACHMENTS, MAX_TEXT } from "./fields.ts";
import { attachment, list, mentions, nullable, replyTo, string } from "./fields.ts";
import type { AttachmentPointer, ReplyPointer } from "./fields.ts";
import { PREVIEW } from "./kind.ts";
import type { Kind } from "./kind.ts";

export interface AttachmentsContent {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly replyTo: ReplyPointer | null;
  readonly attachments: readonly AttachmentPointer[];
}

export const attachments: Kind<AttachmentsContent> = {
  read: (fields) => ({
    kind: "attachments",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
    replyTo: nullable(fields["replyTo"], replyTo),
    attachments: list(fields["attachments"], MAX_ATTACHMENTS, attachment),
  }),
  preview: (content) => {
    const kind = content.attachments[0]?.kind ?? "document";
    const named = kind === "document" || kind === "audio";
    const caption = content.text === "" && named ? content.attachments[0]?.name : content.text;
    return { kind, text: (caption ?? "").slice(0, PREVIEW) };
  },
  body: async (content, show) => ({
    kind: "attachments",
    text: content.text,
    mentions: content.mentions,
    attachments: await show(content.attachments),
  }),
  mentions: (content) => content.mentions,
  attachments: (content) => content.attachments,
  replyTo: (content) => content.replyTo,
};
