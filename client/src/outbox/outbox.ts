/**
 * Sending. A message is stored before anything else and goes through the stages of
 * {@link OutgoingRecord}; each step is stored before the next begins, so that a crash at any line
 * repeats a step and never loses or doubles a message.
 *
 * One conversation sends one message at a time, in order; a message whose attachments are still on
 * their way up lets later ones pass. No answer: the identical bytes again (S5). A refusal that means
 * "certainly not accepted": the same message is signed again (S6). Conversations never wait for each
 * other. The same pump makes the conversation keys that the server asks for (D7).
 */
import type { OnEvent } from "../device-events.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../as-failure.ts";
import { failure, hasCode } from "../failure.ts";
import { decodeContent } from "../kinds/content.ts";
import { fileGone, fileUnshown, shownElsewhere } from "../conversation/files.ts";
import { tellUncounted } from "../messages/marks.ts";
import { loadMessage, messageKey } from "../conversation/messages.ts";
import { newId } from "../ids.ts";
import type { AttachmentId, ConversationId, KeyId, MessageId } from "../ids.ts";
import { STORES } from "../records.ts";
import type {
  FailedMessage,
  MessageRecord,
  OutgoingRecord,
  ReadyMessage,
  SignedMessage,
  UploadingMessage,
} from "../records.ts";
import { requireUpdated } from "../roster/newest.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import type { Change } from "../vault/vault.ts";
import type { Accepted } from "../wire.ts";
import { outgoingRecord } from "./compose.ts";
import { deleteOutgoing, putOutgoing, type OutgoingStore } from "../messages/outgoing.ts";
import type { Doubts, MessageSender } from "./sending.ts";

const RETRY = { firstMs: 1_000, maxMs: 30_000 };
/** A device may sleep, and its clock be set: the time is compared again this often. */
const LONGEST_TIMER_MS = 60_000;
/** How often a refused message is signed again without a pause. */
const EAGER_ATTEMPTS = 4;

/** Uploads attachments; resolves when all are complete at the server. */
export interface Uploader {
  upload(attachmentIds: readonly AttachmentId[], conversationId: ConversationId): Promise<void>;
  /** Resolves when nothing more of them is written here. */
  cancel(attachmentIds: readonly AttachmentId[]): Promise<void>;
  /** The attachments that this message brought first; its other ones are forwarded, and stay. */
  ownOf(
    messageId: MessageId,
    attachmentIds: readonly AttachmentId[],
  ): Promise<readonly AttachmentId[]>;
}

export interface OutboxParts {
  readonly context: DeviceContext;
  readonly outgoing: OutgoingStore;
  readonly sender: MessageSender;
  readonly uploader: Uploader;
  readonly onEvent: OnEvent;
}

export class Outbox {
  readonly #parts: OutboxParts;
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #uploader: Uploader;
  readonly #doubts = new Map<ConversationId, Doubts>();
  /** Conversations whose next key the server asks this device for. */
  readonly #wanted = new Set<ConversationId>();
  readonly #pumping = new Map<ConversationId, boolean>();
  readonly #uploading = new Set<MessageId>();
  /** Conversations that are looked at again when a timed message is due. */
  readonly #timed = new Set<ConversationId>();
  #wake = new AbortController();

  constructor(parts: OutboxParts) {
    this.#parts = parts;
    this.#context = parts.context;
    this.#outgoing = parts.outgoing;
    this.#uploader = parts.uploader;
  }

  #doubtsOf({ id }: Conversation): Doubts {
    const known = this.#doubts.get(id) ?? { staleHead: false, staleKeys: new Set<KeyId>() };
    this.#doubts.set(id, known);
    return known;
  }

  /** D7: make the next conversation key. */
  keyWanted(conversation: Conversation): void {
    this.#wanted.add(conversation.id);
    this.kick(conversation);
  }

  /**
   * Store a message and begin to send it. `message` is null for what is not shown; `keepsDraft`: it
   * was not written in its conversation.
   */
  async enqueue(
    conversation: Conversation,
    outgoing: OutgoingRecord,
    message: MessageRecord | null,
    keepsDraft = false,
  ): Promise<void> {
    await conversation.run(async () => {
      const work = new UnitOfWork(conversation);
      work.changes.push(putOutgoing(outgoing));
      if (message !== null) {
        work.put(message);
        if (!keepsDraft) work.set({ draft: null });
        const { draftFiles } = work.record;
        const left = draftFiles.filter(({ id }) => !outgoing.attachmentIds.includes(id));
        if (left.length < draftFiles.length) work.set({ draftFiles: left });
      }
      await conversation.store(work, true);
      this.#outgoing.set(outgoing);
    });
    this.kick(conversation);
  }

  /** Look whether something can be sent, in the background. */
  kick(conversation: Conversation): void {
    for (const record of this.#outgoing.of(conversation.id)) {
      if (!this.#isDue(record)) this.#kickLater(conversation, record.notBeforeMs ?? 0);
      else if (record.stage === "uploading") void this.#upload(conversation, record);
    }
    if (this.#pumping.has(conversation.id)) {
      this.#pumping.set(conversation.id, true);
      return;
    }
    this.#pumping.set(conversation.id, false);
    void this.#pump(conversation);
  }

  /** Send a timed message before its time. */
  async sendNow(conversation: Conversation, record: OutgoingRecord): Promise<void> {
    if (record.notBeforeMs !== undefined && !this.#isDue(record)) {
      await this.move(conversation, { ...record, notBeforeMs: this.#nowMs() });
    }
    this.kick(conversation);
  }

  /** The network is back: waits end at once. */
  wake(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Try again what failed. */
  async retry(conversation: Conversation, messageId: MessageId): Promise<void> {
    const record = this.#require(messageId);
    if (record.stage !== "failed") return;
    // Tried again by a person: as many attempts as before.
    await this.move(conversation, resumed(record, this.#nowMs()));
    this.kick(conversation);
  }

  /** Take back what was not accepted. Too late if it was: then nothing changes. */
  async cancel(conversation: Conversation, messageId: MessageId): Promise<void> {
    const record = this.#require(messageId);
    const own = await this.#filesOf(record);
    await this.#uploader.cancel(own);
    await conversation.run(async () => {
      // Bytes that were sent without an answer may be in the log already.
      if (record.message !== null)
        await this.#parts.onEvent({ type: "answer_missing", conversation }).catch(() => undefined);
      await this.forget(conversation, record, own);
    });
  }

  /** Forget a message that waits, with these files of it. The caller runs it in the conversation's turn. */
  async forget(
    conversation: Conversation,
    { messageId, attachmentIds }: OutgoingRecord,
    files: readonly AttachmentId[] = [],
  ): Promise<void> {
    if (this.#outgoing.find(messageId) === null) return;
    const at = { conversationId: conversation.id, messageId };
    const work = new UnitOfWork(conversation);
    work.changes.push(
      deleteOutgoing(messageId),
      { op: "delete", store: STORES.messages, key: messageKey(conversation.id, messageId) },
      ...attachmentIds.map((id) => fileUnshown(id, at)),
      ...files.flatMap(fileGone),
    );
    work.removed.push(messageId);
    if (work.record.last?.messageId === messageId) work.set({ last: null });
    await conversation.store(work, true);
    this.#outgoing.delete(messageId);
  }

  /** The files that go with a message that is taken back. */
  async #filesOf({ messageId, attachmentIds }: OutgoingRecord): Promise<readonly AttachmentId[]> {
    const { vault } = this.#context;
    const own: AttachmentId[] = [];
    for (const id of await this.#uploader.ownOf(messageId, attachmentIds)) {
      const other = await shownElsewhere(vault, id, (one) => one.messageId === messageId);
      if (other === null) own.push(id);
    }
    return own;
  }

  #require(messageId: MessageId): OutgoingRecord {
    const record = this.#outgoing.find(messageId);
    if (record === null) throw failure("not_found");
    return record;
  }

  async #upload(conversation: Conversation, record: UploadingMessage): Promise<void> {
    if (this.#uploading.has(record.messageId)) return;
    this.#uploading.add(record.messageId);
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await this.#uploader.upload(record.attachmentIds, conversation.id);
          break;
        } catch (error) {
          if (this.#context.signal.aborted || hasCode(error, "cancelled", "locked")) return;
          const known = asFailure(error);
          if (!known.retry && !isHeldUp(known)) {
            await this.fail(conversation, record, error);
            return;
          }
          const wait = known.retryAfterMs ?? delayMs(RETRY, attempt, this.#context.random);
          await pause(wait, this.#wake.signal);
          if (this.#context.signal.aborted) return;
        }
      }
      if (this.#outgoing.find(record.messageId) === null) return;
      await this.move(conversation, { ...record, stage: "ready" });
    } finally {
      this.#uploading.delete(record.messageId);
    }
    this.kick(conversation);
  }

  async #pump(conversation: Conversation): Promise<void> {
    const { signal } = this.#context;
    let attempt = 0;
    for (;;) {
      this.#pumping.set(conversation.id, false);
      let sent: boolean;
      try {
        sent = await this.#sendNext(conversation);
        attempt = 0;
      } catch (error) {
        if (signal.aborted || hasCode(error, "locked")) break;
        const wait = asFailure(error).retryAfterMs ?? delayMs(RETRY, attempt, this.#context.random);
        attempt++;
        await pause(wait, this.#wake.signal);
        if (signal.aborted) break;
        continue;
      }
      if (!sent && this.#pumping.get(conversation.id) !== true) break;
    }
    this.#pumping.delete(conversation.id);
  }

  #next(conversation: Conversation): ReadyMessage | SignedMessage | null {
    const due = this.#outgoing.of(conversation.id).filter((one) => this.#isDue(one));
    return due.find(canGo) ?? null;
  }

  #nowMs(): number {
    return this.#context.time.now() ?? this.#context.now();
  }

  /** Whether the time has come for a message that its writer timed. */
  #isDue({ notBeforeMs }: OutgoingRecord): boolean {
    return notBeforeMs === undefined || notBeforeMs <= this.#nowMs();
  }

  /** Look again when a timed message is due; sooner for times that a timer cannot hold. */
  #kickLater(conversation: Conversation, dueMs: number): void {
    if (this.#timed.has(conversation.id)) return;
    this.#timed.add(conversation.id);
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, dueMs - this.#nowMs()));
    void pause(wait, this.#context.signal).then(() => {
      this.#timed.delete(conversation.id);
      if (!this.#context.signal.aborted) this.kick(conversation);
    });
  }

  /** Send the first message that can go. False when there is none. */
  async #sendNext(conversation: Conversation): Promise<boolean> {
    const { state, standstill } = conversation.record;
    // S8: nothing is sent while the log has lost what this device followed.
    if (standstill) return false;
    requireUpdated(this.#context);
    const { sender } = this.#parts;
    const doubts = this.#doubtsOf(conversation);
    if (state === "ready" && this.#wanted.delete(conversation.id))
      await sender.makeWanted(conversation, doubts);
    const next = this.#next(conversation);
    if (next === null) return false;
    if (state === "left") {
      await this.fail(conversation, next, failure("conversation_left"));
      return true;
    }
    if (state !== "ready") return false;
    let signed: SignedMessage | null;
    try {
      signed = next.stage === "signed" ? next : await sender.sign(conversation, next, doubts);
    } catch (error) {
      return this.#cannotSign(conversation, next, error, doubts);
    }
    if (signed === null) return true;
    let accepted: Accepted;
    try {
      accepted = await sender.send(conversation, signed);
    } catch (error) {
      return this.#refused(conversation, signed, error);
    }
    await sender.accepted(conversation, signed, accepted);
    return true;
  }

  async #cannotSign(
    conversation: Conversation,
    record: OutgoingRecord,
    error: unknown,
    doubts: Doubts,
  ): Promise<boolean> {
    if (hasCode(error, "head_refused")) doubts.staleHead = true;
    if (hasCode(error, "not_member", "conversation_left"))
      void this.#parts.onEvent({ type: "not_listed", conversation });
    if (!hasCode(error, "too_many_attempts", "lost_by_restore")) throw error;
    await this.fail(conversation, record, error);
    return true;
  }

  async #refused(
    conversation: Conversation,
    record: SignedMessage,
    error: unknown,
  ): Promise<boolean> {
    const doubts = this.#doubtsOf(conversation);
    if (await this.#parts.sender.again(conversation, record, error, doubts)) {
      // The first is a race that a new signature settles; many in a row are the server's trouble.
      if (record.attempt > EAGER_ATTEMPTS) throw asFailure(error);
      return true;
    }
    if (hasCode(error, "not_next")) {
      await conversation.run(() => this.#parts.onEvent({ type: "answer_missing", conversation }));
      return this.#next(conversation)?.messageId !== record.messageId;
    }
    if (hasCode(error, "attachment_incomplete") && (await this.#withoutPhoto(conversation, record)))
      return true;
    const known = asFailure(error);
    if (known.retry || isHeldUp(known)) throw known;
    await this.fail(conversation, record, error);
    if (hasCode(error, "not_member", "not_found"))
      void this.#parts.onEvent({ type: "not_listed", conversation });
    return true;
  }

  /**
   * A group's photo is forgotten like every attachment, long after it was sent; its name continues
   * without it, as another message. False: it is no such message.
   */
  async #withoutPhoto(conversation: Conversation, record: OutgoingRecord): Promise<boolean> {
    const content = decodeContent(record.content);
    if (content.kind !== "state" || content.photo === null) return false;
    const bare = { ...content, photo: null };
    const next = outgoingRecord(conversation, newId(), record.order, bare, "ready");
    await conversation.run(async () => {
      if (this.#outgoing.find(record.messageId) === null) return;
      const work = new UnitOfWork(conversation);
      work.changes.push(deleteOutgoing(record.messageId), putOutgoing(next));
      await conversation.store(work, true);
      this.#outgoing.delete(record.messageId);
      this.#outgoing.set(next);
    });
    return true;
  }

  /** Give up on a message until the person tries again. */
  async fail(conversation: Conversation, record: OutgoingRecord, error: unknown): Promise<void> {
    if (record.quiet || record.state) return this.#drop(conversation, record);
    await this.#restage(conversation, { ...record, stage: "failed" }, error);
  }

  /** A refused mark, or a group's refused name, is nowhere shown to be tried again: it counts no more. */
  #drop(conversation: Conversation, record: OutgoingRecord): Promise<void> {
    const { messageId } = record;
    return conversation.run(async () => {
      if (this.#outgoing.find(messageId) === null) return;
      const work = new UnitOfWork(conversation);
      work.changes.push(deleteOutgoing(messageId));
      work.afterwards.push(() => this.#outgoing.delete(messageId));
      await tellUncounted(this.#context, conversation, work, record, true);
      work.set({});
      await conversation.store(work, true);
    });
  }

  /**
   * Move to another stage, with what else changes by it; whatever failed before is forgotten.
   * Nothing is stored of what was taken back meanwhile.
   */
  async move(
    conversation: Conversation,
    record: OutgoingRecord,
    changes: readonly Change[] = [],
  ): Promise<void> {
    await this.#restage(conversation, record, null, changes);
  }

  /** Move to another stage, with the message's failure (or null). */
  #restage(
    conversation: Conversation,
    record: OutgoingRecord,
    error: unknown,
    changes: readonly Change[] = [],
  ): Promise<void> {
    return conversation.run(async () => {
      if (this.#outgoing.find(record.messageId) === null) return;
      const work = new UnitOfWork(conversation);
      work.changes.push(putOutgoing(record), ...changes);
      const message = await loadMessage(this.#context.vault, conversation.id, record.messageId);
      if (message !== null) {
        work.put({ ...message, failure: error === null ? null : asFailure(error).plain() });
      }
      await conversation.store(work, true);
      this.#outgoing.set(record);
    });
  }
}

function canGo(record: OutgoingRecord): record is ReadyMessage | SignedMessage {
  return record.stage === "ready" || record.stage === "signed";
}

/** The stage at which a message that failed continues. */
function resumed(record: FailedMessage, nowMs: number): OutgoingRecord {
  if (record.message !== null) return { ...record, stage: "signed" };
  const asked = record.signedMs === undefined ? {} : { signedMs: nowMs };
  return { ...record, ...asked, stage: record.attachmentIds.length > 0 ? "uploading" : "ready" };
}

/** The account must do something first, such as accept the code of conduct: the message waits. */
function isHeldUp(error: unknown): boolean {
  return hasCode(error, "unauthenticated", "signed_out", "conduct_not_accepted");
}
