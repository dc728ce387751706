/** What every kind of message states about itself; one file of this room for each kind. */
import type { Mention, MessageBody } from "../core.ts";
import type { AttachmentView } from "../core.ts";
import type { PreviewRecord } from "../records.ts";
import type { AttachmentPointer, Fields, ReplyPointer } from "./fields.ts";

/** Longest text of a preview. */
export const PREVIEW = 200;

export interface Kind<C> {
  /** From the fields of a decoded message. Throws Misshapen. */
  readonly read: (fields: Fields) => C;
  /** What the list and a quote say of it. */
  readonly preview: (content: C) => PreviewRecord;
  /** What the screens show; null: it is not shown as a message, nor counted, nor told of. */
  readonly body: (
    content: C,
    attachments: (pointers: readonly AttachmentPointer[]) => Promise<readonly AttachmentView[]>,
  ) => Promise<MessageBody | null>;
  readonly mentions: (content: C) => readonly Mention[];
  readonly attachments: (content: C) => readonly AttachmentPointer[];
  readonly replyTo: (content: C) => ReplyPointer | null;
}
