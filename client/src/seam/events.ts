/** Events: what changed; the screens fetch or patch. */
import type { ConversationId, MessageId } from "../ids.ts";
import type { LiveShare } from "./consultation.ts";
import type { AppState } from "./app.ts";
import type { AttachmentView } from "../kinds/parts.ts";
import type { ConversationItem } from "./conversations.ts";
import type { MessageItem } from "./messages.ts";
import type { Plate } from "../names.ts";
import type { OrderView } from "./orders.ts";
import type { OrderProgressView } from "./overseeing.ts";
import type { PresenceRequest } from "./presence.ts";
import type { TrainingView } from "./training.ts";

/** A person's first reaction to a message. */
export interface ReactionNotice {
  readonly emoji: string;
  readonly by: Plate | null;
}

export type CoreEvent =
  | { readonly type: "app"; readonly state: AppState }
  | { readonly type: "conversation"; readonly item: ConversationItem }
  | { readonly type: "conversation_gone"; readonly conversationId: ConversationId }
  | {
      readonly type: "messages";
      readonly conversationId: ConversationId;
      readonly items: readonly MessageItem[];
    }
  | {
      readonly type: "message_removed";
      readonly conversationId: ConversationId;
      readonly messageId: MessageId;
    }
  | { readonly type: "members"; readonly conversationId: ConversationId }
  | {
      readonly type: "attachment";
      readonly conversationId: ConversationId;
      readonly attachment: AttachmentView;
    }
  /** The live positions that this device shares are others. */
  | { readonly type: "live"; readonly shares: readonly LiveShare[] }
  /** Somebody who shares a live position in this conversation has moved, begun or ended. */
  | { readonly type: "positions"; readonly conversationId: ConversationId }
  | { readonly type: "clients" }
  /** There may be other devices that wait to be confirmed. */
  | { readonly type: "unconfirmed" }
  /** A comparison of digits that this device takes part in has come further. */
  | { readonly type: "confirmation" }
  /** There may be other alarms about this person's devices. */
  | { readonly type: "alarm" }
  | { readonly type: "directory" }
  /** Courses, progress, or whether large groups are open. */
  | { readonly type: "training"; readonly view: TrainingView }
  /** An order is new, or another now. */
  | { readonly type: "order"; readonly order: OrderView }
  /** Counts of the order that this device watches, whole. */
  | { readonly type: "order_counts"; readonly progress: OrderProgressView }
  /** So much of what a file needs has been read. */
  | {
      readonly type: "order_export";
      readonly orderId: MessageId;
      readonly done: number;
      readonly total: number;
    }
  /** So much of an export has been read; of one that is being verified where there is no conversation. */
  | {
      readonly type: "conversation_export";
      readonly conversationId: ConversationId | null;
      /** `telling`: the file is made, and handed out once the server has the notice; nothing cancels it. */
      readonly step: "messages" | "files" | "telling";
      readonly done: number;
      readonly total: number;
    }
  /** There may be other reports, cases or sanctions: screens that show some ask again. */
  | { readonly type: "reports" }
  /** Groups that one may ask to join, or requests, are others: screens that show some ask again. */
  | { readonly type: "joining" }
  /** An act of weight asks for its person; null: no more. */
  | { readonly type: "presence"; readonly request: PresenceRequest | null }
  /** Other acts wait for a second admin: the console reads them again. */
  | { readonly type: "acts" }
  /** This person's stars or folders are others. */
  | { readonly type: "oneself" }
  /** The guard has another policy, other weights or other pictures. */
  | { readonly type: "guard" }
  /**
   * A message that deserves a notification: not mine, not muted, new. With `reaction`: my own, to which
   * somebody reacted.
   */
  | {
      readonly type: "notify";
      readonly conversationId: ConversationId;
      readonly item: MessageItem;
      readonly reaction?: ReactionNotice;
    };

export type CoreListener = (event: CoreEvent) => void;
