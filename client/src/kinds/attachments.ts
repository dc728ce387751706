/** Files with an optional caption. */
import { failure } from "../failure.ts";
import type {
  AttachmentKind,
  AttachmentView,
  Mention,
  OutgoingAttachment,
} from "../seam/attachments.ts";
import { MAX_ATTACHMENTS, MAX_TEXT } from "./fields.ts";
import {
  attachment,
  forwards,
  list,
  mentions,
  nullable,
  onceMore,
  replyTo,
  string,
} from "./fields.ts";
import type { AttachmentPointer, ReplyPointer } from "./fields.ts";
import { PREVIEW } from "./kind.ts";
import type { WrittenKind } from "./kind.ts";

export interface AttachmentsContent {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly replyTo: ReplyPointer | null;
  readonly attachments: readonly AttachmentPointer[];
  readonly forwards: number;
}

export interface AttachmentsBody {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly attachments: readonly AttachmentView[];
}

export interface AttachmentsPreview {
  readonly kind: AttachmentKind;
  readonly text: string;
}

export interface OutgoingAttachments {
  readonly kind: "attachments";
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly attachments: readonly OutgoingAttachment[];
}

export const attachments: WrittenKind<
  AttachmentsContent,
  AttachmentsBody,
  AttachmentsPreview,
  OutgoingAttachments
> = {
  read: (fields) => ({
    kind: "attachments",
    text: string(fields["text"], MAX_TEXT),
    mentions: mentions(fields["mentions"]),
    replyTo: nullable(fields["replyTo"], replyTo),
    attachments: list(fields["attachments"], MAX_ATTACHMENTS, attachment),
    forwards: forwards(fields["forwards"]),
  }),
  shown: true,
  texts: (content) => [content.text],
  foundAs: null,
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
    attachments: await show.attachments(content.attachments),
  }),
  mentions: (content) => content.mentions,
  attachments: (content) => content.attachments,
  replyTo: (content) => content.replyTo,
  forwards: (content) => content.forwards,
  forwarded: (content) => {
    return { ...content, mentions: [], replyTo: null, forwards: onceMore(content.forwards) };
  },
  compose: ({ kind, text, mentions, attachments: files }, replyTo, prepare) => {
    if (text.length > MAX_TEXT || files.length === 0 || files.length > MAX_ATTACHMENTS)
      throw failure("message_invalid", { details: { limit: MAX_ATTACHMENTS } });
    return { kind, text, mentions, replyTo, attachments: files.map(prepare), forwards: 0 };
  },
};
