/**
 * The links between the parts of a device that depend on each other both ways, each as a named
 * method: the inbox finds keys missing, asking finds them, the inbox opens what waits for them.
 *
 * Each part states the listener interface that it calls; only this class knows who answers. The parts
 * are made with it, and {@link PartLinks.connect} completes it before the device opens.
 */
import type { DeviceContext } from "../context.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { HistoryListener } from "../inbox/history.ts";
import type { Inbox, InboxListener } from "../inbox/inbox.ts";
import { rewind } from "../inbox/rewind.ts";
import type { KeyId, MessageId } from "../ids.ts";
import type { Header } from "../keys/message.ts";
import type { Orders } from "../orders/orders.ts";
import type { OutgoingStore } from "../messages/outgoing.ts";
import type { Outbox, OutboxListener } from "../outbox/outbox.ts";
import type { Watching } from "../overseeing/watching.ts";
import type { Asking, AskingListener } from "../secrets/asking.ts";
import type { Book, BookListener } from "../sync/book.ts";
import type { Cursors } from "../sync/cursors.ts";
import type { LivePositions } from "../sync/live.ts";
import type { Sync } from "../sync/sync.ts";
import type { SocketListener } from "../transport/socket.ts";
import type { Position, Ready, ServerFrame } from "../wire.ts";

export interface LinkedParts {
  readonly context: DeviceContext;
  readonly outgoing: OutgoingStore;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly book: Book;
  readonly asking: Asking;
  readonly cursors: Cursors;
  readonly sync: Sync;
  readonly live: LivePositions;
  readonly orders: Orders;
  readonly watching: Watching;
}

/** The links that leave the device. */
export interface DeviceListener {
  /** Look after account, keys and time, while conversations are compared. */
  readonly onReady: (ready: Ready, caughtUp: Promise<void>) => Promise<void>;
  readonly onHistory: () => void;
}

export class PartLinks
  implements
    InboxListener,
    HistoryListener,
    BookListener,
    AskingListener,
    OutboxListener,
    SocketListener
{
  readonly #listener: DeviceListener;
  #connected: LinkedParts | null = null;

  constructor(listener: DeviceListener) {
    this.#listener = listener;
  }

  connect(parts: LinkedParts): void {
    this.#connected = parts;
  }

  get #parts(): LinkedParts {
    if (this.#connected === null) throw new Error("the device is not put together yet");
    return this.#connected;
  }

  // --- Inbox and history -----------------------------------------------------------------------

  onMissing(conversation: Conversation, keyIds: readonly KeyId[]): void {
    this.#parts.asking.conversationKeys(conversation, keyIds);
  }

  onAwaited(conversation: Conversation, keyId: KeyId, forMs: number): void {
    this.#parts.asking.hold(conversation, keyId, forMs);
  }

  onOpenedFirst(conversation: Conversation, keyId: KeyId): void {
    this.#parts.asking.opened(conversation, keyId);
  }

  onKeysHere(conversation: Conversation, keyIds: readonly KeyId[], waited: boolean): void {
    this.#parts.asking.forget(conversation, keyIds, waited);
  }

  onCursor(conversation: Conversation): void {
    this.#parts.cursors.moved(conversation);
  }

  async onIncarnation(conversation: Conversation): Promise<void> {
    const { context, outgoing, outbox } = this.#parts;
    await rewind(context, conversation, outgoing);
    outbox.kick(conversation);
  }

  onAccepted(conversation: Conversation): void {
    this.#parts.outbox.kick(conversation);
  }

  onOrder(orderId: MessageId): void {
    this.#parts.orders.changed(orderId);
  }

  onProgress(): void {
    this.#listener.onHistory();
  }

  // --- Book ------------------------------------------------------------------------------------

  onStateMissing(conversation: Conversation, header: Header): void {
    this.#parts.asking.bodyKey(conversation, header);
  }

  onLeft(conversation: Conversation): void {
    this.#parts.outbox.kick(conversation);
  }

  // --- Asking ----------------------------------------------------------------------------------

  onKeys(conversation: Conversation): Promise<void> {
    return this.#parts.inbox.opened(conversation);
  }

  onCellKeys(conversation: Conversation): Promise<void> {
    return this.#parts.inbox.askMissing(conversation);
  }

  onBodyKey(conversation: Conversation, _header: Header, k: Uint8Array): Promise<void> {
    return this.#parts.book.openState(conversation, k);
  }

  // --- Outbox ----------------------------------------------------------------------------------

  catchUp(conversation: Conversation): Promise<void> {
    return this.#parts.inbox.catchUp(conversation);
  }

  onLost(conversation: Conversation): void {
    void this.#parts.sync.refreshUntil(conversation.id).catch(ignore);
  }

  // --- Connection ------------------------------------------------------------------------------

  positions(): readonly Position[] {
    return this.#parts.sync.positions();
  }

  onReady(ready: Ready): void {
    const { outbox, sync, orders, watching } = this.#parts;
    outbox.wake();
    watching.reconnected();
    const caughtUp = sync.onReady(ready);
    void this.#listener.onReady(ready, caughtUp).catch(ignore);
    void caughtUp.then(() => orders.onReady()).catch(ignore);
  }

  onFrame(frame: Exclude<ServerFrame, Ready>): void {
    if (frame.t === "order_acknowledged") {
      this.#parts.orders.onFrame(frame);
      return;
    }
    if (frame.t === "order_progress") {
      this.#parts.watching.take(frame);
      return;
    }
    if (frame.t === "position") {
      void this.#parts.live.onFrame(frame).catch(ignore);
      return;
    }
    // The next connection makes up for frames that fail for want of the network.
    void this.#parts.sync.onFrame(frame).catch(ignore);
  }
}

/** For background work whose failure is told elsewhere or tried again with the next connection. */
export function ignore(): void {
  // Nothing to do.
}
