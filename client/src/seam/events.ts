/** Events: what changed; the screens fetch or patch. */
import type { AppState } from "./app.ts";
import type { AttachmentView } from "./attachments.ts";
import type { ConversationItem } from "./conversations.ts";
import type { MessageItem } from "./messages.ts";

export type CoreEvent =
  | { readonly type: "app"; readonly state: AppState }
  | { readonly type: "conversation"; readonly item: ConversationItem }
  | { readonly type: "conversation_gone"; readonly conversationId: string }
  | {
      readonly type: "messages";
      readonly conversationId: string;
      readonly items: readonly MessageItem[];
    }
  | {
      readonly type: "message_removed";
      readonly conversationId: string;
      readonly messageId: string;
    }
  | { readonly type: "members"; readonly conversationId: string }
  | {
      readonly type: "attachment";
      readonly conversationId: string;
      readonly attachment: AttachmentView;
    }
  | { readonly type: "clients" }
  /** There may be other devices that wait to be confirmed. */
  | { readonly type: "unconfirmed" }
  /** A comparison of digits that this device takes part in has come further. */
  | { readonly type: "confirmation" }
  /** There may be other alarms about this person's devices. */
  | { readonly type: "alarm" }
  | { readonly type: "directory" }
  /** A message that deserves a notification: not mine, not muted, new. */
  | { readonly type: "notify"; readonly conversationId: string; readonly item: MessageItem };
