/**
 * Sending. A message is stored before anything else and goes through the stages of
 * {@link OutgoingRecord}; each step is stored before the next begins, so that a crash at any line
 * repeats a step and never loses or doubles a message.
 *
 * One conversation sends one message at a time, in order; a message whose attachments are still
 * on their way up lets later ones pass. No answer: the identical bytes again. `stale_epoch` and
 * `removal_pending` mean that these bytes were certainly not accepted: the log is processed and
 * the same entry is encrypted anew.
 */
import { outgoingRecord } from "./compose.ts";
import { decodeContent } from "./content.ts";
import { Work } from "./conversation.ts";
import type { Conversation } from "./conversation.ts";
import type { DeviceContext } from "./context.ts";
import { asFailure, failure, hasCode } from "./failure.ts";
import type { Inbox } from "./inbox.ts";
import type { Membership } from "./membership.ts";
import { loadMessage, messageKey } from "./messages.ts";
import { newId } from "./octets.ts";
import { acceptedMessage, deleteOutgoing, putOutgoing } from "./outgoing.ts";
import type { OutgoingStore } from "./outgoing.ts";
import { signsInVain } from "./own_certificate.ts";
import { STORES } from "./records.ts";
import type { MessageRecord, OutgoingRecord } from "./records.ts";
import { PrivateMessages } from "./sending/private_messages.ts";
import { SealedMessages } from "./sending/sealed_messages.ts";
import type { Way } from "./sending/way.ts";
import { delayMs, pause } from "./transport/backoff.ts";
import type { Change } from "./vault/vault.ts";
import type { Accepted } from "./wire.ts";

const RETRY = { firstMs: 1_000, maxMs: 30_000 };

/** Uploads attachments; resolves when all are complete at the server. */
export interface Uploader {
  upload(attachmentIds: readonly string[]): Promise<void>;
  /** Resolves when nothing more of them is written here. */
  cancel(attachmentIds: readonly string[]): Promise<void>;
}

export class Outbox {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #inbox: Inbox;
  readonly #membership: Membership;
  readonly #uploader: Uploader;
  readonly #private: Way;
  readonly #sealed: Way;
  readonly #pumping = new Map<string, boolean>();
  readonly #uploading = new Set<string>();
  #wake = new AbortController();

  constructor(
    context: DeviceContext,
    outgoing: OutgoingStore,
    inbox: Inbox,
    membership: Membership,
    uploader: Uploader,
  ) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#inbox = inbox;
    this.#membership = membership;
    this.#uploader = uploader;
    this.#private = new PrivateMessages(context, outgoing, inbox, membership);
    this.#sealed = new SealedMessages(context, outgoing, inbox, membership);
  }

  /** Store a message and begin to send it. `message` is null for what is not shown. */
  async enqueue(
    conversation: Conversation,
    outgoing: OutgoingRecord,
    message: MessageRecord | null,
  ): Promise<void> {
    await conversation.run(async () => {
      const work = new Work(conversation);
      work.changes.push(putOutgoing(outgoing));
      if (message !== null) {
        work.put(message);
        work.set({ draft: null });
      }
      await conversation.store(work, true);
      this.#outgoing.set(outgoing);
    });
    this.kick(conversation);
  }

  /** Look whether something can be sent, in the background. */
  kick(conversation: Conversation): void {
    for (const record of this.#outgoing.of(conversation.id)) {
      if (record.stage === "uploading") void this.#upload(conversation, record);
    }
    if (this.#pumping.has(conversation.id)) {
      this.#pumping.set(conversation.id, true);
      return;
    }
    this.#pumping.set(conversation.id, false);
    void this.#pump(conversation);
  }

  /** The network is back: waits end at once. */
  wake(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  /** Try again what failed. */
  async retry(conversation: Conversation, messageId: string): Promise<void> {
    const record = this.#require(messageId);
    if (record.stage !== "failed") return;
    const stage =
      record.payload !== null
        ? "encrypted"
        : record.attachmentIds.length > 0
          ? "uploading"
          : "ready";
    await this.move(conversation, { ...record, stage });
    this.kick(conversation);
  }

  /** Take back what was not accepted. Too late if it was: then nothing changes. */
  async cancel(conversation: Conversation, messageId: string): Promise<void> {
    const record = this.#require(messageId);
    await this.#uploader.cancel(record.attachmentIds);
    await conversation.run(async () => {
      // Bytes that were posted without an answer may be in the log already.
      if (record.payload !== null) await this.#inbox.catchUp(conversation).catch(() => undefined);
      if (this.#outgoing.find(messageId) === null) return;
      const work = new Work(conversation);
      work.changes.push(
        deleteOutgoing(messageId),
        { op: "delete", store: STORES.messages, key: messageKey(conversation.id, messageId) },
        ...record.attachmentIds.flatMap((attachmentId) => [
          { op: "delete", store: STORES.attachments, key: attachmentId } as const,
          { op: "delete_chunks", attachmentId } as const,
        ]),
      );
      work.removed.push(messageId);
      if (work.record.last?.messageId === messageId) work.set({ last: null });
      await conversation.store(work, true);
      this.#outgoing.delete(messageId);
    });
  }

  #require(messageId: string): OutgoingRecord {
    const record = this.#outgoing.find(messageId);
    if (record === null) throw failure("not_found");
    return record;
  }

  async #upload(conversation: Conversation, record: OutgoingRecord): Promise<void> {
    if (this.#uploading.has(record.messageId)) return;
    this.#uploading.add(record.messageId);
    try {
      for (let attempt = 0; ; attempt++) {
        try {
          await this.#uploader.upload(record.attachmentIds);
          break;
        } catch (error) {
          if (this.#context.signal.aborted || hasCode(error, "cancelled", "locked")) return;
          const known = asFailure(error);
          if (!known.retry) {
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
        if (signal.aborted || hasCode(error, "locked", "security_alarm")) break;
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

  #next(conversation: Conversation): OutgoingRecord | null {
    const ready = (record: OutgoingRecord): boolean =>
      record.stage === "ready" || record.stage === "encrypted";
    return this.#outgoing.of(conversation.id).find(ready) ?? null;
  }

  /** Send the first message that can go. False when there is none. */
  async #sendNext(conversation: Conversation): Promise<boolean> {
    const next = this.#next(conversation);
    if (next === null) return false;
    if (conversation.record.state === "left") {
      await this.fail(conversation, next, failure("conversation_left"));
      return true;
    }
    if (conversation.record.state !== "ready") return false;
    const encrypted = await this.#encrypt(conversation, next);
    if (encrypted === null) return this.#next(conversation)?.messageId !== next.messageId;
    let accepted: Accepted;
    try {
      accepted = await this.#wayOf(encrypted).post(conversation, encrypted);
    } catch (error) {
      return this.#refused(conversation, encrypted, error);
    }
    await conversation.run(async () => {
      // The log may have told us already.
      const own = this.#outgoing.find(encrypted.messageId);
      if (own === null) return;
      const work = new Work(conversation);
      await acceptedMessage(this.#context, this.#outgoing, work, own, accepted);
      await conversation.store(work);
    });
    return true;
  }

  /** The record with its ciphertext, stored; null when it cannot be sent now. */
  #encrypt(conversation: Conversation, record: OutgoingRecord): Promise<OutgoingRecord | null> {
    return conversation.run(async () => {
      const current = this.#outgoing.find(record.messageId);
      if (current === null) return null;
      const { account, serverNow } = this.#context;
      // Coming in anew under the next certificate ends in sending.
      if (signsInVain(conversation, account(), serverNow())) return null;
      if (current.stage === "encrypted") return current;
      const way = conversation.record.cells > 1 ? this.#sealed : this.#private;
      return way.encrypt(conversation, current);
    });
  }

  #wayOf(record: OutgoingRecord): Way {
    return record.sealed === true ? this.#sealed : this.#private;
  }

  async #refused(
    conversation: Conversation,
    record: OutgoingRecord,
    error: unknown,
  ): Promise<boolean> {
    if (await this.#wayOf(record).again(conversation, record, error)) return true;
    if (hasCode(error, "attachment_incomplete") && (await this.#withoutPhoto(conversation, record)))
      return true;
    const known = asFailure(error);
    if (known.retry || hasCode(error, "unauthenticated", "signed_out", "conduct_not_accepted"))
      throw known;
    await this.fail(conversation, record, error);
    if (hasCode(error, "not_member", "not_found")) this.#membership.attend(conversation);
    return true;
  }

  /**
   * A group's photo is forgotten like every attachment, long after it was posted; its name goes on
   * without it, as another message. False: it is no such message.
   */
  async #withoutPhoto(conversation: Conversation, record: OutgoingRecord): Promise<boolean> {
    const content = decodeContent(record.content);
    if (content.kind !== "profile" || content.photo === null) return false;
    const bare = { ...content, photo: null };
    const next = outgoingRecord(conversation, newId(), record.order, bare, "ready");
    await conversation.run(async () => {
      if (this.#outgoing.find(record.messageId) === null) return;
      const work = new Work(conversation);
      work.changes.push(deleteOutgoing(record.messageId), putOutgoing(next));
      await conversation.store(work, true);
      this.#outgoing.delete(record.messageId);
      this.#outgoing.set(next);
    });
    return true;
  }

  /** Give up on a message until the person tries again. */
  async fail(conversation: Conversation, record: OutgoingRecord, error: unknown): Promise<void> {
    await this.#restage(conversation, { ...record, stage: "failed" }, error);
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
      const work = new Work(conversation);
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
