/**
 * One message's way from a plaintext to the log, in three steps that the outbox calls.
 *
 * - {@link MessageSender.sign} makes the bytes that every retry sends (S1, S2, S5): the newest head by a
 *   fresh stamp, a usable conversation key or a new one, this device's next number, signature and body.
 *   S and record of a new key and the signed message are stored in one transaction, before anything is
 *   sent. A crash before it leaves the plaintext, after it the bytes.
 * - {@link MessageSender.send} sends them, a new key first.
 * - After an answer {@link MessageSender.accepted} stores the message at its place of the log. After a
 *   refusal {@link MessageSender.again} decides whether the message is signed again (S6, S7), with the
 *   next attempt, under the newest head and key. A refusal for a time, such as `rate_limited`, is the
 *   outbox's: it waits and sends the same bytes.
 */
import type { Conversation } from "../conversation/conversation.ts";
import { ownHeader } from "../conversation/own-chain.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { OnEvent } from "../device-events.ts";
import { failure, hasCode } from "../failure.ts";
import { idOf, type KeyId, type MessageId } from "../ids.ts";
import { conversationKeyId } from "../keys/conversation-key.ts";
import { Refused } from "../keys/format/refused.ts";
import {
  HeaderFormat,
  LOG_START,
  SIGNED_HEADER_BYTES,
  bodyKey,
  sealMessage,
  type Header,
} from "../keys/message.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import { mayAdminister } from "../keys/roster/leaf.ts";
import { callsEverybody } from "../kinds/called.ts";
import { decodeContent, pointersOf, type Decoded } from "../kinds/content.ts";
import { clearExport } from "../kinds/exported.ts";
import { declared } from "../messages/declared.ts";
import { applyMark, noteLive } from "../messages/marks.ts";
import { acceptedMessage, putOutgoing, type OutgoingStore } from "../messages/outgoing.ts";
import { applyState } from "../messages/state.ts";
import { copy, equalBytes, fromHex } from "../octets.ts";
import { noteOrder } from "../orders/noting.ts";
import { clearTerms } from "../orders/record.ts";
import type { ReadyMessage, SignedMessage } from "../records.ts";
import { requireNewest, type Newest } from "../roster/newest.ts";
import { pause } from "../transport/backoff.ts";
import type { Accepted } from "../wire.ts";
import { usableKey } from "./key-choice.ts";
import { makeKey, type MadeKey } from "./making.ts";
import { mentionedPeople } from "./mentions.ts";

/** S6. */
const MOST_ATTEMPTS = 255;
/** So long a message waits for a usable conversation key (S2) that another device has and this one asked for. */
const WAIT_MS = 3_000;
/** How long it waits where the server has asked a member to seal that key to its cell (S9). */
const AWAITED_MS = 10_000;
/** How often it looks whether the key has come. */
const LOOK_MS = 150;
/** How long a sender waits for the key of its cell before it asks for a newer head, and how often it looks. */
const CELL_MS = 10_000;
const CELL_LOOK_MS = 1_000;

export interface Asks {
  /** Ask for a share of a conversation key. */
  conversationKeys(conversation: Conversation, keyIds: readonly KeyId[]): void;
  /** Ask now for a key whose seal failed; of others the cell's first speaks (S9). */
  release(conversation: Conversation, keyId: KeyId): void;
  /** Whether a member is to seal the key to this device's cell yet (S9). */
  isHeld(conversation: Conversation, keyId: KeyId): boolean;
}

/** The server's answers about this conversation that the next try must heed. */
export interface Doubts {
  /** The head that this device holds is not the newest. */
  staleHead: boolean;
  /** Keys that the server takes no message under. */
  readonly staleKeys: Set<KeyId>;
}

interface Using {
  readonly keyId: KeyId;
  readonly secret: Uint8Array;
  readonly made: MadeKey | null;
}

export class MessageSender {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #asks: Asks;
  readonly #onEvent: OnEvent;

  constructor(context: DeviceContext, outgoing: OutgoingStore, asks: Asks, onEvent: OnEvent) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#asks = asks;
    this.#onEvent = onEvent;
  }

  // --- Signing ----------------------------------------------------------------------------------

  /** The record with its bytes, stored; null: it was taken back meanwhile. Outside the queue. */
  async sign(
    conversation: Conversation,
    record: ReadyMessage,
    doubts: Doubts,
  ): Promise<SignedMessage | null> {
    const newest = await this.#newest(conversation, doubts);
    requireReaders(record, newest.head);
    const using = await this.#key(conversation, newest, doubts);
    return this.#store(conversation, record, newest, using);
  }

  /** S1, asked again where the server has said that this device's head is old. */
  async #newest(conversation: Conversation, doubts: Doubts): Promise<Newest> {
    const newest = await requireNewest(this.#context, conversation, doubts.staleHead);
    doubts.staleHead = false;
    return newest;
  }

  /** S2: a key that serves, or a new one. */
  async #key(conversation: Conversation, newest: Newest, doubts: Doubts): Promise<Using> {
    const usable = async (): Promise<Using | null> => {
      const key = await usableKey(this.#context, conversation, newest, doubts.staleKeys);
      if (key === null || key.secret === null) return null;
      return { keyId: key.keyId, secret: key.secret, made: null };
    };
    const held = await usable();
    if (held !== null) return held;
    const newestId = await this.#learnNewest(conversation, doubts);
    const { signal } = this.#context;
    if (newestId !== null) {
      const waitMs = this.#asks.isHeld(conversation, newestId) ? AWAITED_MS : WAIT_MS;
      for (let waited = 0; waited <= waitMs && !signal.aborted; waited += LOOK_MS) {
        const shared = await usable();
        if (shared !== null) return shared;
        await pause(LOOK_MS, signal);
      }
    }
    // C1: the server has devices of this cell, perhaps this one, make the cell's key.
    for (let waited = 0; waited < CELL_MS && !signal.aborted; waited += CELL_LOOK_MS) {
      const made = await makeKey(this.#context, conversation, newest);
      if (made !== null)
        return { keyId: conversationKeyId(made.record), secret: made.secret, made };
      await pause(CELL_LOOK_MS, signal);
      const shared = await usable();
      if (shared !== null) return shared;
    }
    throw failure("head_refused", { retry: true });
  }

  /** Ask for the newest usable key. Not null: there is one, which may be on its way to this device. */
  async #learnNewest(conversation: Conversation, doubts: Doubts): Promise<KeyId | null> {
    const { key } = await this.#context.api.keys(conversation.id);
    if (key === null) return null;
    try {
      const { keyId, secret } = await conversation.change((work) =>
        conversation.keys.learn(work, key.record, key.seal),
      );
      if (doubts.staleKeys.has(keyId)) return null;
      if (secret === null) {
        if (key.seal !== null) this.#asks.release(conversation, keyId);
        this.#asks.conversationKeys(conversation, [keyId]);
      }
      return keyId;
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  #store(
    conversation: Conversation,
    { messageId }: ReadyMessage,
    { head }: Newest,
    { keyId, secret, made }: Using,
  ): Promise<SignedMessage | null> {
    const { deviceBytes, privateKey } = this.#context.identity();
    return conversation.change(async (work) => {
      const current = this.#outgoing.find(messageId);
      if (current === null) return null;
      if (current.stage === "signed") return current;
      if (current.attempt >= MOST_ATTEMPTS) throw failure("too_many_attempts");
      const { chain, log, headEpoch } = work.record;
      this.#requireStill(() => {
        this.#context.time.requireStillNewest(head, headEpoch);
      });
      const draft = {
        conversation: fromHex(conversation.id),
        message: fromHex(messageId),
        ...declared(decodeContent(current.content)),
        sender: deviceBytes,
        seq: chain.seq + 1,
        attempt: current.attempt + 1,
        previous: chain.hash,
        key: fromHex(keyId),
        epoch: head.epoch,
        head: head.hash,
        logPosition: log?.cursor ?? 0,
        logHash: log?.hash ?? LOG_START,
        sent: this.#context.time.requireNow(),
      };
      const message = await sealMessage(draft, secret, current.content, privateKey);
      if (made !== null) conversation.keys.made(work, made.record, secret);
      const { seq, attempt } = draft;
      const key = made?.pending ?? null;
      const signed: SignedMessage = { ...current, stage: "signed", seq, attempt, message, key };
      work.changes.push(putOutgoing(signed));
      work.afterwards.push(() => this.#outgoing.set(signed));
      return signed;
    }, true);
  }

  #requireStill(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof Refused) throw failure("head_refused", { retry: true, cause: error });
      throw error;
    }
  }

  /**
   * D7: the server asks this device for the next key. The device makes, stores and sends it without a
   * message. The server refuses the key if another device has made the next key already.
   */
  async makeWanted(conversation: Conversation, doubts: Doubts): Promise<void> {
    const newest = await this.#newest(conversation, doubts);
    const made = await makeKey(this.#context, conversation, newest);
    if (made === null) return;
    const { record, secret, pending } = made;
    await conversation.change((work) => {
      conversation.keys.made(work, record, secret);
      return Promise.resolve();
    }, true);
    try {
      await this.#context.api.submitKey(conversation.id, {
        ...pending,
        leftOut: [...pending.leftOut],
      });
    } catch (error) {
      if (!hasCode(error, "have_key", "stale_record", "not_asked")) throw error;
      doubts.staleHead = true;
    }
  }

  // --- Sending ----------------------------------------------------------------------------------

  /** Send the key that the message begins, if any, then the message. Identical bytes each time. */
  async send(conversation: Conversation, record: SignedMessage): Promise<Accepted> {
    const { api } = this.#context;
    const { key, message } = record;
    if (key !== null) {
      const { record: made, seals, leftOut } = key;
      await api.submitKey(conversation.id, { record: made, seals, leftOut: [...leftOut] });
      await this.#restage(conversation, { ...record, key: null });
    }
    const content = decodeContent(record.content);
    const attachmentIds = pointersOf(content).map(({ id }) => id);
    await conversation.loadMembers();
    return api.sendMessage(conversation.id, {
      wakes: await mentionedPeople(this.#context, conversation, content),
      everybody: callsEverybody(content),
      message: copy(message),
      attachmentIds,
      state: record.state,
      quiet: record.quiet,
      order: clearTerms(content),
      exported: content.kind === "exported" ? clearExport(content) : null,
    });
  }

  /** The server has accepted it, at this place of the log. */
  accepted(conversation: Conversation, record: SignedMessage, at: Accepted): Promise<void> {
    return conversation.change(async (work) => {
      // The log may have told us already.
      const own = this.#outgoing.find(record.messageId);
      if (own === null) return;
      const header = HeaderFormat.parse(record.message.subarray(0, SIGNED_HEADER_BYTES));
      if (header.seq > work.record.chain.seq)
        work.set({ chain: { seq: header.seq, hash: header.hash } });
      const content = decodeContent(own.content);
      const keyId = idOf<KeyId>(header.key);
      const key = await conversation.keys.find(work, keyId);
      const head = await conversation.heads.find(work, header.epoch);
      const listed =
        head === null ? null : conversation.heads.known(head, this.#context.identity().device);
      const secret = key?.secret ?? null;
      if (content.kind === "state" && secret !== null && listed !== null) {
        await applyState(this.#context, work, content, {
          messageId: own.messageId,
          position: at.seq,
          sentMs: at.sentMs,
          leaf: listed.leaf,
          header,
          k: bodyKey(header, secret),
        });
      }
      if (content.kind === "live") {
        const { device } = this.#context.identity();
        await noteLive(conversation, work, own.messageId, device, at.seq);
      }
      const rights = listed?.leaf.rights ?? 0;
      await this.#note(work, own.messageId, header, content, { ...at, rights });
      if (content.kind === "mark") {
        const { personId, deviceBytes } = this.#context.identity();
        const { seq: position, sentMs } = at;
        const admin = listed !== null && mayAdminister(listed.leaf);
        const signer = { device: deviceBytes, epoch: header.epoch, admin, personId };
        const place = { signedMs: header.sent, position, sentMs, markId: own.messageId };
        await applyMark(this.#context, conversation, work, content, { ...signer, ...place });
      }
      const accepted = { ...at, key: keyId };
      await acceptedMessage(this.#context, this.#outgoing, conversation, work, own, accepted);
    });
  }

  #note(
    work: UnitOfWork,
    messageId: MessageId,
    { hash: headerHash }: Header,
    content: Decoded,
    { seq, sentMs, rights }: Accepted & { readonly rights: number },
  ): Promise<void> {
    const { vault, identity, time, now } = this.#context;
    const { personId } = identity();
    const onNoted = (orderId: MessageId): void => {
      void this.#onEvent({ type: "order_stored", orderId });
    };
    const noting = { vault, self: personId, nowMs: time.now() ?? now(), onNoted };
    return noteOrder(noting, work, {
      messageId,
      seq,
      sentMs,
      personId,
      rights,
      headerHash,
      content,
    });
  }

  /**
   * Whether these bytes were certainly not accepted and the message is to be signed again (S6). It is
   * back at stage "ready" then.
   */
  async again(
    conversation: Conversation,
    record: SignedMessage,
    error: unknown,
    doubts: Doubts,
  ): Promise<boolean> {
    if (hasCode(error, "stale_head", "stale_record", "seals_invalid")) {
      doubts.staleHead = true;
    } else if (hasCode(error, "stale_key")) {
      doubts.staleHead = true;
      doubts.staleKeys.add(keyOf(record));
    } else if (hasCode(error, "not_next")) {
      if (!(await this.#takeUpChain(conversation, record))) return false;
    } else if (hasCode(error, "have_key")) {
      // It is usable after all, whatever was said before.
      doubts.staleKeys.clear();
    } else {
      return false;
    }
    await this.#restage(conversation, readyAgain(record));
    return true;
  }

  /**
   * S7: continue from the last header that the server has of this device, if it bears this device's own
   * signature and is higher than here. False: the header is that of this very message, so it was
   * accepted and the log will tell; or it is lower, and the log tells whether a backup was restored.
   */
  async #takeUpChain(conversation: Conversation, record: SignedMessage): Promise<boolean> {
    const header = await ownHeader(this.#context, conversation);
    const sent = record.message.subarray(0, SIGNED_HEADER_BYTES);
    if (header !== null && equalBytes(sent, header.bytes)) return false;
    return conversation.change((work) => {
      const { seq } = work.record.chain;
      if ((header?.seq ?? 0) < seq) return Promise.resolve(false);
      if (header !== null && header.seq > seq)
        work.set({ chain: { seq: header.seq, hash: header.hash } });
      return Promise.resolve(true);
    });
  }

  #restage(conversation: Conversation, record: ReadyMessage | SignedMessage): Promise<void> {
    return conversation.change(async (work) => {
      if (this.#outgoing.find(record.messageId) === null) return;
      work.changes.push(putOutgoing(record));
      work.afterwards.push(() => this.#outgoing.set(record));
    });
  }
}

/**
 * S8: a message that the log lost goes again automatically only if everybody may read it already.
 */
function requireReaders({ signedMs }: ReadyMessage, head: RosterHead): void {
  if ((signedMs ?? Infinity) < head.latestHistoryFrom) throw failure("lost_by_restore");
}

function readyAgain(record: SignedMessage): ReadyMessage {
  return { ...record, stage: "ready", seq: null, message: null, key: null };
}

function keyOf({ message }: SignedMessage): KeyId {
  return idOf<KeyId>(HeaderFormat.parse(message.subarray(0, SIGNED_HEADER_BYTES)).key);
}
