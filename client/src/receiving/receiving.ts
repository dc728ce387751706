/** What the handlers of log entries share: one entry is taken in by one of the files beside this. */
import type { Conversation, Work } from "../conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { OutgoingStore } from "../outgoing.ts";

export interface InboxListener {
  /** Who is in the cell, what is pending or how old its key is: look whether there is work. */
  onHandshake(conversation: Conversation): void;
  /** A member that knows no name asks for the profile. */
  onProfileRequest(conversation: Conversation): void;
  /** The cursor moved. */
  onCursor(conversation: Conversation): void;
  /** Who belongs may have changed. */
  onRoster(conversation: Conversation, personIds: readonly string[]): void;
  /** A message waits for another seal than it came with, which may be there already. */
  onSealAwaited(conversation: Conversation): void;
  /** An entry of ours came back through the log. */
  onAccepted(conversation: Conversation): void;
}

/** One batch of entries: its changes are gathered in `work` and stored together. */
export interface Receiving {
  readonly context: DeviceContext;
  readonly outgoing: OutgoingStore;
  readonly listener: InboxListener;
  readonly conversation: Conversation;
  readonly work: Work;
  /** Pushed just now, not read from the log. */
  readonly live: boolean;
}
