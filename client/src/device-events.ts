/**
 * The parts of a device tell each other these events, on one channel: `calls/device.ts` says which part acts on
 * which event. A part that must wait for the act awaits its {@link OnEvent}.
 */
import type { Conversation } from "./conversation/conversation.ts";
import type { KeyId, MessageId } from "./ids.ts";
import type { Header } from "./keys/message.ts";
import type { ConnectionEvent } from "./transport/socket.ts";

export type DeviceEvent =
  // The inbox and the history of earlier messages.
  /** Conversation keys whose S is missing. */
  | {
      readonly type: "keys_missing";
      readonly conversation: Conversation;
      readonly keyIds: readonly KeyId[];
    }
  /** S9: nobody is asked for this key so long: a member seals it to this device's cell. */
  | {
      readonly type: "key_awaited";
      readonly conversation: Conversation;
      readonly keyId: KeyId;
      readonly forMs: number;
    }
  /** S9: a late seal opened, of which this device is the first of its cell to say so. */
  | {
      readonly type: "key_opened_first";
      readonly conversation: Conversation;
      readonly keyId: KeyId;
    }
  /** Conversation keys have come; `waited`: messages that waited for them have opened. */
  | {
      readonly type: "keys_here";
      readonly conversation: Conversation;
      readonly keyIds: readonly KeyId[];
      readonly waited: boolean;
    }
  /** This device's cursor has advanced. Earlier events reported the missing keys. */
  | { readonly type: "cursor_moved"; readonly conversation: Conversation }
  /** There is a newer Incarnation: go back to the last common position. Inside the queue. */
  | { readonly type: "newer_incarnation"; readonly conversation: Conversation }
  /** Sending may continue: an own message was accepted, or a standstill has ended. */
  | { readonly type: "sending_open"; readonly conversation: Conversation }
  /** An order is stored, or a change of one. */
  | { readonly type: "order_stored"; readonly orderId: MessageId }
  /** The count of conversations that are whole has changed. */
  | { readonly type: "history_progress" }
  // The book of conversations.
  /** The conversation of this person with oneself has changed. */
  | { readonly type: "own_changed" }
  /** The newest state's k is missing here. */
  | {
      readonly type: "state_missing";
      readonly conversation: Conversation;
      readonly header: Header;
    }
  /** This person's membership has ended, also where another one has begun meanwhile. Inside the queue. */
  | { readonly type: "left"; readonly conversation: Conversation }
  // Asking other devices for secrets.
  /** The device stored secrets of conversation keys: messages that waited for one may open now. */
  | { readonly type: "keys_shared"; readonly conversation: Conversation }
  /** The device stored secrets of cell keys: conversation keys that are sealed to them may open now. */
  | { readonly type: "cell_keys_shared"; readonly conversation: Conversation }
  /** k of a state message. */
  | { readonly type: "state_shared"; readonly conversation: Conversation; readonly k: Uint8Array }
  // The outbox.
  /** Read the log to its end: a message sent without an answer may be in it. */
  | { readonly type: "answer_missing"; readonly conversation: Conversation }
  /** The server says that this device is not listed: fetch the conversation. */
  | { readonly type: "not_listed"; readonly conversation: Conversation }
  | ConnectionEvent;

/** Acts on an event at once; resolves when what it began is done. */
export type OnEvent = (event: DeviceEvent) => Promise<void>;
