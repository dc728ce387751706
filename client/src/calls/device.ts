/**
 * A registered device with an open vault: all parts wired together, from the socket to the views.
 * Lives from unlock to lock, sign-out or stop; {@link Device.stop} ends everything it started.
 */
import type { ConversationId, PersonId } from "../ids.ts";
import { Attachments } from "../attachments/attachments.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceEvent, OnEvent } from "../device-events.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { failure } from "../failure.ts";
import type { Guard } from "../guard/guard.ts";
import { History } from "../inbox/history.ts";
import { Inbox } from "../inbox/inbox.ts";
import { rewind } from "../inbox/rewind.ts";
import { Announcer } from "../messages/announcer.ts";
import { OutgoingStore } from "../messages/outgoing.ts";
import { peopleIn, ViewMaker, type Closed } from "../messages/views.ts";
import { OrderDrafts } from "../orders/drafts.ts";
import type { Oneself } from "../oneself/oneself.ts";
import { Orders } from "../orders/orders.ts";
import { isLostExport } from "../outbox/compose.ts";
import { LateSeals } from "../outbox/late-seals.ts";
import { Outbox } from "../outbox/outbox.ts";
import { MessageSender } from "../outbox/sending.ts";
import { Preparing } from "../outbox/preparing.ts";
import { Watching } from "../overseeing/watching.ts";
import { Freshness } from "../trust/freshness.ts";
import type { PeopleDirectory } from "../people/people.ts";
import { STORES, type OutgoingRecord } from "../records.ts";
import { Answering } from "../secrets/answering.ts";
import { SecretRequests } from "../secrets/asking.ts";
import type { MessageIndex } from "../search/message-index.ts";
import { Book } from "../sync/book.ts";
import { Cursors } from "../sync/cursors.ts";
import { MemberList } from "../sync/member-list.ts";
import { LivePositions } from "../sync/live-positions.ts";
import { Sync } from "../sync/sync.ts";
import { pause } from "../transport/backoff.ts";
import { Socket, type SocketOptions } from "../transport/socket.ts";
import type { AccountFrame, Ready, ServerFrame } from "../wire.ts";
import { OwnSync } from "./oneself/syncing.ts";
import { sendMark } from "./talking/marking.ts";

export interface DeviceOptions {
  /** Look after account, keys and time, while conversations are compared. */
  readonly onReady: (ready: Ready, caughtUp: Promise<void>) => Promise<void>;
  /** Everything but the device's own records. */
  readonly context: Omit<DeviceContext, "signal" | "freshness">;
  readonly people: PeopleDirectory;
  readonly oneself: Oneself;
  readonly guard: Guard;
  readonly socket: Omit<SocketOptions, "positions" | "onEvent">;
  readonly onAccount: (event: AccountFrame["event"]) => void;
  /** The outbox, or the history that is read, has changed. */
  readonly onChange: () => void;
  readonly onCatchingUp: (catchingUp: boolean) => void;
  readonly closed: Closed;
  readonly mayNotify: (conversation: Conversation, called: boolean) => boolean;
  /** Index messages for the search before there is one. */
  readonly indexes: boolean;
}

/** Messages are indexed when the first screen has been there for so long. */
const INDEX_AFTER_MS = 5_000;

export class Device {
  readonly context: DeviceContext;
  readonly attachments: Attachments;
  readonly outgoing = new OutgoingStore();
  readonly views: ViewMaker;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly preparing: Preparing;
  readonly book: Book;
  readonly cursors: Cursors;
  readonly members: MemberList;
  readonly sync: Sync;
  readonly orders: Orders;
  readonly orderDrafts: OrderDrafts;
  readonly ownSync: OwnSync;
  readonly watching: Watching;
  readonly socket: Socket;
  readonly live: LivePositions;
  readonly #announcer: Announcer;
  readonly #asking: SecretRequests;
  #index: MessageIndex | null = null;
  readonly #options: DeviceOptions;
  readonly #abort = new AbortController();

  constructor(options: DeviceOptions) {
    this.#options = options;
    const { trust, now } = options.context;
    const context: DeviceContext = {
      ...options.context,
      emit: (event) => {
        if (event.type === "messages" || event.type === "conversation_gone")
          this.#index?.changed(event.conversationId);
        options.context.emit(event);
      },
      freshness: new Freshness(trust, now),
      signal: this.#abort.signal,
    };
    this.context = context;
    const { outgoing } = this;
    this.#announcer = new Announcer(context.emit, options.mayNotify, (ids) => {
      this.attachments.drop(ids);
    });
    const onEvent: OnEvent = (event) => this.#onEvent(event);
    this.attachments = new Attachments(context);
    this.socket = new Socket({
      ...options.socket,
      positions: () => this.sync.positions(),
      onEvent,
    });
    this.inbox = new Inbox(context, outgoing, options.oneself, onEvent);
    this.book = new Book(context, this.#announcer, onEvent);
    this.members = new MemberList(context, options.people);
    const asking = new SecretRequests(context, onEvent);
    this.#asking = asking;
    this.cursors = new Cursors(context, this.book, asking, this.socket);
    const history = new History(context, this.inbox, this.book, onEvent);
    this.outbox = new Outbox({
      context,
      outgoing,
      sender: new MessageSender(context, outgoing, asking, onEvent),
      uploader: this.attachments,
      onEvent,
    });
    this.live = new LivePositions({
      context,
      book: this.book,
      people: options.people,
      outbox: this.outbox,
      send: (frame) => this.socket.say(frame),
    });
    this.preparing = new Preparing(context, this.attachments, outgoing, this.outbox);
    this.sync = new Sync({
      context,
      book: this.book,
      inbox: this.inbox,
      history,
      outbox: this.outbox,
      asking,
      answering: new Answering(context, this.book, (frame) => this.socket.say(frame)),
      lateSeals: new LateSeals(context, (frame) => this.socket.say(frame)),
      cursors: this.cursors,
      members: this.members,
      connection: this.socket,
      urgent: () => this.orders.urgent(),
      onCatchingUp: options.onCatchingUp,
      onAccount: options.onAccount,
    });
    const { people } = options;
    const counted = new Set<string>();
    this.views = new ViewMaker(
      context,
      people,
      outgoing,
      this.attachments,
      this.#announcer,
      (conversation, totals) => {
        // Totals that the server refuses, of an author who may not write here any more, are sent once in a run.
        const name = `${totals.messageId}/${JSON.stringify(totals.what)}`;
        if (counted.has(name)) return;
        counted.add(name);
        void sendMark(this, conversation, totals).catch(ignore);
      },
      options.closed,
      options.oneself,
      async () => (await options.guard.forwarding()).forwarding.often,
    );
    this.orders = new Orders(
      context,
      this.book,
      {
        people,
        attachments: (pointers, at) => this.views.attachments(pointers, at),
        files: this.attachments,
      },
      (conversation) => {
        asking.again(conversation);
      },
    );
    this.ownSync = new OwnSync(this, options.oneself);
    this.orderDrafts = new OrderDrafts(context.vault, context.now);
    this.watching = new Watching({
      emit: context.emit,
      send: (frame) => this.socket.say(frame),
    });
    outgoing.onChange = options.onChange;
    const stopListening = context.trust.onChanged((personIds) => {
      this.#peopleChanged(new Set(personIds));
    });
    context.signal.addEventListener("abort", stopListening);
  }

  /** Read the vault; nothing of the network is needed. */
  async open(): Promise<void> {
    const [outgoing] = await Promise.all([
      this.context.vault.all<OutgoingRecord>(STORES.outbox),
      ...[this.#options.oneself.load(), this.book.load(), this.live.open(), this.orders.load()],
    ]);
    this.outgoing.load(outgoing);
    this.ownSync.wake();
    for (const record of this.outgoing.all()) {
      const conversation = this.book.find(record.conversationId);
      if (conversation === null) continue;
      if (record.stage === "preparing") await this.preparing.interrupted(conversation, record);
      if (isLostExport(record))
        await conversation.run(() => this.outbox.forget(conversation, record));
    }
    if (!this.#options.indexes) return;
    void pause(INDEX_AFTER_MS, this.context.signal).then(() => this.index().catch(ignore));
  }

  /** The index of messages; its code is fetched with the first call. */
  async index(): Promise<MessageIndex> {
    const { MessageIndex } = await import("../search/message-index.ts");
    this.#index ??= new MessageIndex({ context: this.context, book: this.book });
    return this.#index;
  }

  /** Each part's events, and which part acts on them. */
  async #onEvent(event: DeviceEvent): Promise<void> {
    switch (event.type) {
      case "keys_missing":
        return this.#asking.conversationKeys(event.conversation, event.keyIds);
      case "key_awaited":
        return this.#asking.hold(event.conversation, event.keyId, event.forMs);
      case "key_opened_first":
        return this.#asking.opened(event.conversation, event.keyId);
      case "keys_here":
        return this.#asking.forget(event.conversation, event.keyIds, event.waited);
      case "state_missing":
        return this.#asking.bodyKey(event.conversation, event.header);
      case "keys_shared":
        return this.inbox.opened(event.conversation);
      case "cell_keys_shared":
        return this.inbox.askMissing(event.conversation);
      case "state_shared":
        return this.book.openState(event.conversation, event.k);
      case "cursor_moved":
        return this.cursors.moved(event.conversation);
      case "newer_incarnation":
        await rewind(this.context, event.conversation, this.outgoing);
        await this.ownSync.rewound(event.conversation);
        return this.outbox.kick(event.conversation);
      case "sending_open":
        return this.outbox.kick(event.conversation);
      case "left":
        this.outbox.kick(event.conversation);
        this.#asking.left(event.conversation);
        await Promise.all([this.orders, this.live].map((one) => one.left(event.conversation.id)));
        return;
      case "answer_missing":
        return this.inbox.catchUp(event.conversation);
      case "not_listed":
        return void this.sync.refreshUntil(event.conversation.id).catch(ignore);
      case "order_stored":
        return this.orders.changed(event.orderId);
      case "history_progress":
      case "own_changed":
        return this.#options.onChange();
      case "connected":
        return this.#connected(event.ready);
      case "frame":
        return this.#frame(event.frame);
    }
  }

  #connected(ready: Ready): void {
    this.outbox.wake();
    this.watching.reconnected();
    const caughtUp = this.sync.onReady(ready);
    void this.#options.onReady(ready, caughtUp).catch(ignore);
    void caughtUp.then(() => this.orders.onReady()).catch(ignore);
    void caughtUp.then(() => this.ownSync.connected()).catch(ignore);
  }

  /** The next connection makes up for frames that fail for want of the network. */
  #frame(frame: Exclude<ServerFrame, Ready>): void {
    if (frame.t === "order_acknowledged") this.orders.onFrame(frame);
    else if (frame.t === "order_progress") this.watching.takeProgress(frame);
    else if (frame.t === "position") void this.live.onFrame(frame).catch(ignore);
    else void this.sync.onFrame(frame).catch(ignore);
  }

  /** Names may be others, and entries refused because of these people may be good now. */
  #peopleChanged(personIds: ReadonlySet<PersonId>): void {
    for (const conversation of this.book.chats) {
      const named = peopleIn(conversation.record);
      if (named.some((one) => personIds.has(one))) this.#announcer.conversation(conversation);
      this.#announcer.members(conversation.id);
    }
    for (const conversation of this.book.conversations.values())
      void this.inbox.changed(conversation, personIds).catch(ignore);
  }

  /** Every conversation may look otherwise now. */
  announceAll(): void {
    for (const conversation of this.book.chats) {
      this.#announcer.conversation(conversation);
      this.#announcer.members(conversation.id);
    }
  }

  /** A conversation is on screen: the guard gets ready for what is written there. */
  shown(conversationId: ConversationId): void {
    const conversation = this.book.find(conversationId);
    if (conversation !== null) void this.#options.guard.prepare(conversation.record).catch(ignore);
  }

  stop(): void {
    this.#abort.abort();
    this.socket.stop();
    this.outbox.wake();
    this.orders.stop();
    this.attachments.close();
    this.#options.oneself.reset();
    this.outgoing.onChange = () => undefined;
  }

  find(conversationId: ConversationId): Conversation {
    const conversation = this.book.find(conversationId);
    if (conversation === null) throw failure("not_found");
    return conversation;
  }
}

/** For background work whose failure is reported elsewhere or that the next connection retries. */
function ignore(): void {
  // Nothing to do.
}
