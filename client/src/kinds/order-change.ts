/**
 * A correction of an order by its issuer, or its withdrawal by the issuer or somebody whom the order
 * appoints, in the same conversation. The order and every change stay as they were sent.
 */
import { failure } from "../failure.ts";
import type { MessageId } from "../ids.ts";
import type { AttachmentView, OutgoingAttachment } from "../seam/attachments.ts";
import type { OrderChange } from "../wire.ts";
import {
  MAX_ATTACHMENTS,
  MAX_NAME,
  MAX_TEXT,
  Misshapen,
  attachment,
  boolean,
  id,
  list,
  string,
} from "./fields.ts";
import type { AttachmentPointer } from "./fields.ts";
import { NOT_FORWARDED, PREVIEW } from "./kind.ts";
import type { WrittenKind } from "./kind.ts";
import { ORDER_REFERENCE, ORDER_TITLE } from "./order.ts";

/** A correction replaces title, text, reference and files; terms stay as they were issued. */
interface OrderChangeWords {
  readonly orderId: MessageId;
  readonly change: OrderChange["change"];
  /** A correction that everybody is to acknowledge again: the order asks for something else now. */
  readonly asksAgain: boolean;
  /** Empty where the order is withdrawn. */
  readonly title: string;
  readonly text: string;
  readonly reference: string;
  /** The issuer's words about why. */
  readonly reason: string;
}

export interface OrderChangeContent extends OrderChangeWords {
  readonly kind: "order_change";
  readonly attachments: readonly AttachmentPointer[];
}

export interface OrderChangeBody extends OrderChangeWords {
  readonly kind: "order_change";
  readonly attachments: readonly AttachmentView[];
}

export interface OrderChangePreview {
  readonly kind: "order_change";
  readonly change: OrderChange["change"];
  readonly text: string;
}

export interface OutgoingOrderChange extends OrderChangeWords {
  readonly kind: "order_change";
  readonly attachments: readonly OutgoingAttachment[];
}

function change(value: unknown): OrderChange["change"] {
  if (value !== "corrected" && value !== "withdrawn") throw new Misshapen();
  return value;
}

export const orderChange: WrittenKind<
  OrderChangeContent,
  OrderChangeBody,
  OrderChangePreview,
  OutgoingOrderChange
> = {
  read: (fields) => ({
    kind: "order_change",
    orderId: id<MessageId>(fields["orderId"]),
    change: change(fields["change"]),
    asksAgain: boolean(fields["asksAgain"]),
    title: string(fields["title"], ORDER_TITLE),
    text: string(fields["text"], MAX_TEXT),
    reference: string(fields["reference"], ORDER_REFERENCE),
    reason: string(fields["reason"], MAX_NAME),
    attachments: list(fields["attachments"], MAX_ATTACHMENTS, attachment),
  }),
  shown: true,
  texts: (content) => [content.title, content.text, content.reason],
  foundAs: "order",
  preview: ({ kind, change: how, title, reason }) => {
    return { kind, change: how, text: (how === "corrected" ? title : reason).slice(0, PREVIEW) };
  },
  body: async (content, shown) => ({
    ...content,
    attachments: await shown.attachments(content.attachments),
  }),
  mentions: () => [],
  attachments: (content) => content.attachments,
  replyTo: () => null,
  ...NOT_FORWARDED,
  compose: (outgoing, _replyTo, prepare) => {
    const { title, text, reference, reason, attachments: files } = outgoing;
    const fits =
      (outgoing.change === "withdrawn" ? !outgoing.asksAgain : title.trim() !== "") &&
      title.length <= ORDER_TITLE &&
      text.length <= MAX_TEXT &&
      reference.length <= ORDER_REFERENCE &&
      reason.length <= MAX_NAME &&
      files.length <= MAX_ATTACHMENTS;
    if (!fits) throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    return { ...outgoing, attachments: files.map(prepare) };
  },
};
