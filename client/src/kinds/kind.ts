/** The facts that each kind of message states about itself, in its own file of this folder. */
import type { Mention, MessageBody } from "../core.ts";
import type { AttachmentView } from "../core.ts";
import type { PreviewRecord } from "../records.ts";
import type { AttachmentPointer, Fields, ReplyPointer } from "./fields.ts";

/** Longest text of a preview. */
export const PREVIEW = 200;

export interface Kind<C> {
  /** From the fields of a decoded message. Throws Misshapen. */
  readonly read: (fields: Fields) => C;
  /** The preview that the list and a quote show. */
  readonly preview: (content: C) => PreviewRecord;
  /** The body on the screens; null: it is not shown as a message, nor counted, nor told of. */
  readonly body: (
    content: C,
    attachments: (pointers: readonly AttachmentPointer[]) => Promise<readonly AttachmentView[]>,
  ) => Promise<MessageBody | null>;
  readonly mentions: (content: C) => readonly Mention[];
  readonly attachments: (content: C) => readonly AttachmentPointer[];
  readonly replyTo: (content: C) => ReplyPointer | null;
}
