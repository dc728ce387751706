/**
 * A registered device with an open vault: all parts wired together, from the socket to the views.
 * Lives from unlock to lock, sign-out or stop; {@link Device.stop} ends everything it started.
 */
import type { Account } from "./account.ts";
import { Announcer } from "./announcer.ts";
import { Attachments } from "./attachments/attachments.ts";
import { compose, outgoingRecord, queuedMessage } from "./compose.ts";
import { decodeContent } from "./content.ts";
import type { Content } from "./content.ts";
import type { Conversation } from "./conversation.ts";
import type { Context, DeviceContext } from "./context.ts";
import type { MessageItem, Outgoing } from "./core.ts";
import { failure } from "./failure.ts";
import { Inbox } from "./inbox.ts";
import { topUpKeyPackages } from "./key_packages.ts";
import { Membership } from "./membership.ts";
import { loadMessage, mentions } from "./messages.ts";
import { createEveryMls } from "./mls/mls.ts";
import type { Mls } from "./mls/types.ts";
import { newId } from "./octets.ts";
import { Outbox } from "./outbox.ts";
import { OutgoingStore } from "./outgoing.ts";
import type { People } from "./people.ts";
import { Preparing } from "./preparing.ts";
import { answerAfterMs, mayTell } from "./profile.ts";
import { STORES } from "./records.ts";
import type { ConversationRecord, OutgoingRecord } from "./records.ts";
import { Sync } from "./sync.ts";
import { pause } from "./transport/backoff.ts";
import { Socket } from "./transport/socket.ts";
import type { SocketOptions } from "./transport/socket.ts";
import { ViewMaker } from "./views.ts";
import type { Ready } from "./wire.ts";

const LOOK_MS = 3_600_000;
const OVERDUE_MS = 30_000;

/** How long somebody who knows no name waits before asking for it, and for another's answer. */
const ASK_AFTER_MS = 1_500;
const ASK_WITHIN_MS = 3_000;
const ANSWERED_WITHIN_MS = 15_000;

export interface DeviceOptions {
  readonly context: Context;
  readonly account: Account;
  readonly people: People;
  readonly serverNow: () => number;
  readonly socket: Omit<SocketOptions, "onReady" | "onFrame" | "positions">;
  readonly onReady: (ready: Ready) => void;
  readonly onAccountEvent: (event: "clients" | "approvals" | "signed_out") => void;
  readonly onOutbox: () => void;
  readonly onCatchingUp: (catchingUp: boolean) => void;
  readonly mayNotify: (conversation: Conversation, mentioned: boolean) => boolean;
}

export class Device {
  readonly context: DeviceContext;
  readonly attachments: Attachments;
  readonly outgoing = new OutgoingStore();
  readonly views: ViewMaker;
  readonly inbox: Inbox;
  readonly membership: Membership;
  readonly outbox: Outbox;
  readonly preparing: Preparing;
  readonly sync: Sync;
  readonly socket: Socket;
  readonly #announcer: Announcer;
  readonly #options: DeviceOptions;
  readonly #abort = new AbortController();
  /** Conversations whose name this device is about to tell. */
  readonly #answering = new Set<string>();
  #mls: ReadonlyMap<number, Mls> | null = null;

  constructor(options: DeviceOptions) {
    this.#options = options;
    const { account, people } = options;
    const context: DeviceContext = {
      ...options.context,
      account: () => account.require(),
      checker: () => account.checker(),
      serverNow: options.serverNow,
      mls: (suite) => {
        if (this.#mls === null) throw failure("not_registered");
        const mls = this.#mls.get(suite);
        if (mls === undefined) throw failure("update_required", { details: { suite } });
        return mls;
      },
      signal: this.#abort.signal,
    };
    this.context = context;
    const announcer = new Announcer(context.emit, (conversation, { content }) => {
      const personId = account.record?.personId ?? "";
      const mentioned = content !== null && mentions(decodeContent(content), personId);
      return options.mayNotify(conversation, mentioned);
    });
    this.#announcer = announcer;
    this.attachments = new Attachments(context);
    this.inbox = new Inbox(context, this.outgoing, {
      onHandshake: (conversation) => {
        this.membership.attend(conversation);
        void this.#tellNewcomers(conversation);
      },
      onProfileRequest: (conversation) => void this.#answerProfile(conversation),
      onCursor: (conversation) => this.sync.onCursor(conversation),
      onRoster: (conversation, personIds) => this.sync.onRoster(conversation, personIds),
      onSealAwaited: (conversation) => void this.sync.settleSeals(conversation).catch(ignore),
      onAccepted: (conversation) => this.outbox.kick(conversation),
    });
    this.membership = new Membership(context, this.inbox, {
      onReady: (conversation) => this.outbox.kick(conversation),
      onWelcomed: (conversation) => void this.#tellProfile(conversation),
      onEntered: (conversation) => {
        void this.#askProfile(conversation);
        // A Welcome has used up a key package.
        void topUpKeyPackages(context).catch(ignore);
      },
      onLeft: (conversation) => this.outbox.kick(conversation),
    });
    this.outbox = new Outbox(context, this.outgoing, this.inbox, this.membership, this.attachments);
    this.preparing = new Preparing(context, this.attachments, this.outgoing, this.outbox);
    this.sync = new Sync({
      context,
      account,
      announcer,
      inbox: this.inbox,
      membership: this.membership,
      people,
      socket: () => this.socket,
      onCatchingUp: options.onCatchingUp,
      kick: (conversation) => this.outbox.kick(conversation),
    });
    this.views = new ViewMaker(context, people, this.outgoing, this.attachments, announcer);
    this.socket = new Socket({
      ...options.socket,
      positions: () => this.sync.positions(),
      onReady: (ready) => {
        options.onReady(ready);
        this.outbox.wake();
        void this.sync.onReady(ready).then(() => this.#askProfiles());
        void this.#housekeeping(ready).catch(ignore);
      },
      onFrame: (frame) => {
        if (frame.t === "account" && frame.event !== "directory" && frame.event !== "trust") {
          options.onAccountEvent(frame.event);
          return;
        }
        void this.sync.onFrame(frame).catch(ignore);
      },
    });
    this.outgoing.onChange = options.onOutbox;
    // Where nothing comes for long, nothing else looks at how old a cell's key is.
    const look = setInterval(() => this.sync.attendAll(mayBeOld), LOOK_MS);
    const overdue = setInterval(() => void this.sync.askOverdue().catch(ignore), OVERDUE_MS);
    this.#abort.signal.addEventListener("abort", () => {
      clearInterval(look);
      clearInterval(overdue);
    });
  }

  /** Read the vault; nothing of the network is needed. */
  async open(): Promise<void> {
    const { people } = this.#options;
    await this.#equip();
    const { vault } = this.context;
    this.outgoing.load(await vault.all<OutgoingRecord>(STORES.outbox));
    await this.sync.load();
    people.onLoaded = () => {
      for (const conversation of this.sync.conversations.values()) {
        this.#announcer.conversation(conversation);
        this.#announcer.members(conversation.id);
      }
    };
    for (const record of this.outgoing.all()) {
      const conversation = this.sync.find(record.conversationId);
      if (record.stage === "preparing" && conversation !== null)
        await this.preparing.interrupted(conversation, record);
    }
  }

  /** MLS with the certificate as it is now. */
  async #equip(): Promise<void> {
    const { account, serverNow } = this.#options;
    const identity = account.identity();
    this.#mls = await createEveryMls({ identity, checker: account.checker(), now: serverNow });
  }

  stop(): void {
    this.#abort.abort();
    this.socket.stop();
    this.outbox.wake();
    this.attachments.close();
    this.outgoing.onChange = () => undefined;
  }

  async #housekeeping(ready: Ready): Promise<void> {
    const { account, people } = this.#options;
    await account.refreshTrust(ready.trustVersion);
    await people.refreshDirectory(ready.directoryVersion);
    if (!(await account.isDue(ready))) return;
    await account.refreshMe();
    const renewed = await account.renew();
    if (renewed) {
      await this.#equip();
      // Its leaves are replaced, and what could not be signed meanwhile goes on.
      this.sync.attendAll(() => true);
    }
    await topUpKeyPackages(this.context, renewed);
    await account.lookedAfter(ready);
  }

  find(conversationId: string): Conversation {
    const conversation = this.sync.find(conversationId);
    if (conversation === null) throw failure("not_found");
    return conversation;
  }

  // --- Sending ---------------------------------------------------------------------------------

  async send(
    conversationId: string,
    outgoing: Outgoing,
    replyTo: string | null,
    messageId = newId(),
  ): Promise<MessageItem> {
    const conversation = this.find(conversationId);
    const { vault, now, account } = this.context;
    const known = await loadMessage(vault, conversationId, messageId);
    if (known !== null) return this.views.message(conversation, known);
    const { record } = conversation;
    if (record.state === "left") throw failure("conversation_left");
    if (record.state === "alarm") throw failure("security_alarm");
    const composed = await compose(
      this.context,
      this.attachments,
      conversationId,
      outgoing,
      replyTo,
    );
    const { files, content } = composed;
    const later = this.preparing.takesLong(files);
    const stage = later ? "preparing" : files.length > 0 ? "uploading" : "ready";
    const order = this.outgoing.nextOrder(now());
    const queued = outgoingRecord(conversation, messageId, order, content, stage);
    const message = queuedMessage(queued, account().personId, now());
    if (later) await this.preparing.enqueue(conversation, queued, message, files);
    else await this.preparing.atOnce(conversation, queued, message, files);
    return this.views.message(conversation, message);
  }

  /** Send what is not shown as a message. */
  async sendHidden(conversation: Conversation, content: Content): Promise<void> {
    const order = this.outgoing.nextOrder(this.context.now());
    await this.outbox.enqueue(
      conversation,
      outgoingRecord(conversation, newId(), order, content, "ready"),
      null,
    );
  }

  /** Set the group's name and photo, after its photo has been uploaded. */
  async sendProfile(
    conversation: Conversation,
    title: string,
    photo: Parameters<Attachments["prepare"]>[0] | "keep" | null,
  ): Promise<void> {
    if (title.trim() === "" || title.length > 255) throw failure("message_invalid");
    if (photo === "keep" || photo === null) {
      const kept = photo === "keep" ? conversation.record.photo : null;
      return this.sendHidden(conversation, { kind: "profile", title, photo: kept, told: false });
    }
    const prepared = this.attachments.prepare(photo);
    const messageId = newId();
    const { pointer } = prepared;
    const content: Content = { kind: "profile", title, photo: pointer, told: false };
    const order = this.outgoing.nextOrder(this.context.now());
    const queued = outgoingRecord(conversation, messageId, order, content, "uploading");
    await this.preparing.atOnce(conversation, queued, null, [prepared]);
  }

  // --- The group's name, for those who came in later ----------------------------------------------

  async #tellProfile(conversation: Conversation): Promise<void> {
    const { admin, hearsay, title, photo } = conversation.record;
    if (!isNamed(conversation) || title === null || !mayTell(conversation.record)) return;
    // An admin's word counts: it must not be what somebody else said.
    if (admin && hearsay === true) return;
    const content: Content = { kind: "profile", title, photo, told: true };
    await this.sendHidden(conversation, content).catch(ignore);
  }

  /** Whoever could have told a name may have been away, or this device ended before it asked. */
  #askProfiles(): void {
    for (const conversation of this.sync.conversations.values()) {
      const { state, title } = conversation.record;
      if (state === "ready" && title === null) void this.#askProfile(conversation);
      void this.#tellNewcomers(conversation);
    }
  }

  async #askProfile(conversation: Conversation): Promise<void> {
    if (!isNamed(conversation)) return;
    const { serverNow, random, signal } = this.context;
    // Whoever let us in tells the name by itself; of many who come in together few ask.
    await pause(ASK_AFTER_MS + ASK_WITHIN_MS * random(), signal);
    const nobodyKnows = (): boolean => {
      const { title, state } = conversation.record;
      const asks = title === null && state === "ready" && mayTell(conversation.record);
      return !signal.aborted && asks;
    };
    const answerDueMs = conversation.profileAskedMs + ANSWERED_WITHIN_MS - serverNow();
    if (nobodyKnows() && answerDueMs > 0) await pause(answerDueMs, signal);
    if (!nobodyKnows()) return;
    await this.sendHidden(conversation, { kind: "profile_request" }).catch(ignore);
  }

  /** Where admins alone may post, one of them tells the name to those who came in. */
  async #tellNewcomers(conversation: Conversation): Promise<void> {
    if (!isNamed(conversation)) return;
    const { serverNow, random, signal } = this.context;
    const dueMs = (): number | null => conversation.record.profileDueMs ?? null;
    const { admins } = conversation.record;
    for (let due = dueMs(); due !== null && !this.#answering.has(conversation.id); due = dueMs()) {
      this.#answering.add(conversation.id);
      const wait = Math.max(0, due - serverNow()) + answerAfterMs(admins?.length ?? 1, random());
      await pause(wait, signal);
      this.#answering.delete(conversation.id);
      if (signal.aborted) return;
      // Said by another meanwhile, or somebody else is to come in first.
      if (dueMs() === due) return this.#tellProfile(conversation);
    }
  }

  async #answerProfile(conversation: Conversation): Promise<void> {
    if (conversation.record.title === null || this.#answering.has(conversation.id)) return;
    this.#answering.add(conversation.id);
    const heard = conversation.profilesHeard;
    const wait = answerAfterMs(conversation.record.members, this.context.random());
    await pause(wait, this.context.signal);
    this.#answering.delete(conversation.id);
    if (this.context.signal.aborted || conversation.profilesHeard !== heard) return;
    await this.#tellProfile(conversation);
  }
}

/** A cell of several that this device is in has keys that become old. */
function mayBeOld({ cells, state }: ConversationRecord): boolean {
  return cells > 1 && state === "ready";
}

/** Whether its members give it a name: others are called by a person or by units. */
function isNamed({ record }: Conversation): boolean {
  return record.kind === "group" && (record.audience ?? null) === null;
}

/** For background work whose failure is told elsewhere or tried again with the next connection. */
function ignore(): void {
  // Nothing to do.
}
