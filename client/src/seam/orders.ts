/** Orders on the screens: what somebody owes, has answered and has issued. */
import type { ConversationId, MessageId, UnitId } from "../ids.ts";
import type { KindBody, Outgoing } from "../kinds/content.ts";
export type { OrderWording, OutgoingOrder, TranslatedTitle } from "../kinds/order.ts";
export type { Translated, TitledText } from "../kinds/wording.ts";
import type { AcknowledgementOutcome, OrderPriority } from "../wire.ts";
import type { AttachmentView } from "../kinds/parts.ts";
import type { Plate } from "../names.ts";

export type OrderBody = Extract<KindBody, { kind: "order" }>;
export type OrderChangeBody = Extract<KindBody, { kind: "order_change" }>;

export interface OrderChangeView {
  readonly messageId: MessageId;
  readonly sentMs: number;
  readonly body: OrderChangeBody;
}

/** An acknowledgement as a person gives it. */
export interface GivenAcknowledgement {
  readonly choice: number;
  /** Items of the checklist that are done: bit n - 1 for the nth. */
  readonly done: number;
  readonly answer: string | null;
}

/** The acknowledgement that counts for this person. */
export interface AcknowledgedView {
  /** 0: none; UNREADABLE: cannot read it; otherwise its place among the order's choices, from 1. */
  readonly choice: number;
  readonly done: number;
  /** The person who told this one and signed it; null: this person's own. */
  readonly toldBy: Plate | null;
  /** When it was first acknowledged: ticks that were signed later do not move it. */
  readonly createdMs: number;
}

/** This device's acknowledgement that has not been counted. */
export interface SendingView extends GivenAcknowledgement {
  readonly createdMs: number;
  /** Null: it waits for the server. */
  readonly refused: AcknowledgementOutcome | null;
  /** It waits for a device of the issuer's to which the answer can be sealed. */
  readonly waitsForReaders: boolean;
  /** It hands in the photo that the order asks for, after an acknowledgement that counts. */
  readonly photo: boolean;
}

/**
 * This person's photo for an order that asks for one. `open`: none yet; `waiting`: it goes out after the
 * acknowledgement, when there is a network; `unreadable`: once a device of its readers is there to seal it to. `attachment`: the photo; null where the person sent it from another
 * device, which alone has its key.
 */
export interface OwnPhotoView {
  readonly state: "open" | "waiting" | "unreadable" | "sent";
  readonly attachment: AttachmentView | null;
}

export interface OrderView {
  readonly orderId: MessageId;
  readonly conversationId: ConversationId;
  readonly seq: number | null;
  readonly issuedMs: number;
  readonly issuer: Plate | null;
  readonly mine: boolean;
  /** The order asks this person for an acknowledgement. False once this person has left the order's conversation, also after a return. */
  readonly asks: boolean;
  /** This person issued it, or is appointed by it, and belongs to its conversation. */
  readonly mayWithdraw: boolean;
  readonly priority: OrderPriority;
  readonly validUntilMs: number | null;
  /** As issued; null: the text has not come to this device yet. */
  readonly body: OrderBody | null;
  /** Corrections and the withdrawal, oldest first. */
  readonly changes: readonly OrderChangeView[];
  readonly withdrawnMs: number | null;
  /** This person is still asked for an acknowledgement. */
  readonly owed: boolean;
  /** This person has acknowledged, and has not done all that the order asks for: items, or a photo. */
  readonly unfinished: boolean;
  readonly acknowledgement: AcknowledgedView | null;
  /** An acknowledgement of a text from before the correction that asked again: it counts no more. */
  readonly earlier: AcknowledgedView | null;
  readonly sending: SendingView | null;
  /** Null: the order asks for none. */
  readonly photo: OwnPhotoView | null;
  /** The orders that this person issued together, each to another unit, this one among them; null: it is alone. */
  readonly together: readonly MessageId[] | null;
  /** This person may see who has acknowledged. */
  readonly overseen: boolean;
  /** This person may remind everybody who still owes the order: they see all of its answers. */
  readonly mayRemind: boolean;
  /** When somebody last asked for a reminder. */
  readonly remindedMs: number | null;
  readonly escalatedMs: number | null;
  /** The server states another order than its issuer signed. The issuer's is shown. */
  readonly differs: "terms" | "header" | null;
}

/**
 * The priorities of which this person may issue orders, as the server said last: it judges each order.
 * `here`: to everybody in a conversation; null: nobody can say now. `anywhere`: to some people.
 */
export interface Issuing {
  readonly here: readonly OrderPriority[] | null;
  readonly anywhere: readonly OrderPriority[];
}

/** `open`: to acknowledge, or acknowledged and unfinished. */
export type OrderBox = "open" | "issued" | "all";

export interface OrderPage {
  /** Newest first. */
  readonly orders: readonly OrderView[];
  readonly next: string | null;
}

/** An order that is being written, or a template for others. */
export interface OrderDraft {
  /** The id that the order's message will have: sending a draft twice sends one order. */
  readonly draftId: MessageId;
  /** A template has a name. */
  readonly template: string | null;
  readonly conversationId: ConversationId | null;
  /** The units to each of which it goes, in place of a conversation. */
  readonly unitIds: readonly UnitId[];
  readonly order: Extract<Outgoing, { kind: "order" }>;
  /** When it is to be sent; null: at once. */
  readonly sendAtMs: number | null;
  readonly savedMs: number;
  /** Its files were too large to be kept. */
  readonly filesLost: boolean;
}
