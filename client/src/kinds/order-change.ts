/**
 * A correction of an order by its issuer, or its withdrawal by the issuer or somebody whom the order
 * appoints, in the same conversation. The order and every change stay as they were sent.
 */
import { failure } from "../failure.ts";
import type { MessageId } from "../ids.ts";
import type { AttachmentView, OutgoingAttachment } from "./parts.ts";
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
import { NOT_FORWARDED, PREVIEW, type WrittenKind } from "./kind.ts";
import { ORDER_REFERENCE, translatedTitles, type OrderPreview } from "./order.ts";
import { fitsTogether, textsOf, translated, titledText, wordingsOf } from "./wording.ts";
import type { Translated, TitledText } from "./wording.ts";

/**
 * A correction replaces the title and text of every language, reference and files; terms and choices
 * stay as they were issued. The words are empty where the order is withdrawn.
 */
interface OrderChangeWords extends Translated<TitledText> {
  readonly orderId: MessageId;
  readonly change: OrderChange["change"];
  /** A correction that everybody is to acknowledge again: the order asks for something else now. */
  readonly asksAgain: boolean;
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

export interface OrderChangePreview extends Omit<OrderPreview, "kind" | "priority"> {
  readonly kind: "order_change";
  readonly change: OrderChange["change"];
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
    ...translated(fields, titledText),
    reference: string(fields["reference"], ORDER_REFERENCE),
    reason: string(fields["reason"], MAX_NAME),
    attachments: list(fields["attachments"], MAX_ATTACHMENTS, attachment),
  }),
  shown: true,
  texts: (content) => [...textsOf(content), content.reason],
  foundAs: "order",
  preview: (content) => {
    const { kind, change: how, language, title, reason } = content;
    const text = (how === "corrected" ? title : reason).slice(0, PREVIEW);
    return { kind, change: how, language, text, translations: translatedTitles(content) };
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
    const { reference, reason, attachments: files } = outgoing;
    const titled = wordingsOf<TitledText>(outgoing).every(({ title }) => title.trim() !== "");
    const fits =
      (outgoing.change === "withdrawn" ? !outgoing.asksAgain : titled) &&
      fitsTogether(outgoing) &&
      reference.length <= ORDER_REFERENCE &&
      reason.length <= MAX_NAME &&
      files.length <= MAX_ATTACHMENTS;
    if (!fits) throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    return { ...outgoing, attachments: files.map(prepare) };
  },
};
