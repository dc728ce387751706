/**
 * From a plaintext to the bytes that every retry sends (S1, S2, S5): the newest head by a fresh
 * stamp, a usable conversation key or a new one, this device's next number, signature and body.
 *
 * Invariant: S and record of a new key and the signed message are stored in one transaction, before
 * anything is sent. A crash before it leaves the plaintext, after it the bytes.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { conversationKeyId } from "../keys/conversation-key.ts";
import type { KeyId } from "../ids.ts";
import { LOG_START, sealMessage } from "../keys/message.ts";
import { Refused } from "../keys/format/refused.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import { decodeContent } from "../kinds/content.ts";
import { fromHex } from "../octets.ts";
import type { ReadyMessage, SignedMessage } from "../records.ts";
import { requireNewest, type Newest } from "../roster/newest.ts";
import { pause } from "../transport/backoff.ts";
import { makeKey, type MadeKey } from "./making.ts";
import { declared } from "../messages/declared.ts";
import { putOutgoing, type OutgoingStore } from "../messages/outgoing.ts";
import { usableKey } from "./key-choice.ts";

/** S6. */
export const MOST_ATTEMPTS = 255;
/** S2: so long a sender waits for a key that others have. */
const WAIT_MS = 3_000;
/** S9: and so long for a seal that a member is asked for. */
const AWAITED_MS = 10_000;
/** So long a sender waits for its cell's key before it asks for a newer head, and so often it looks. */
const CELL_MS = 10_000;
const CELL_LOOK_MS = 1_000;
const LOOK_MS = 150;

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

export class Signing {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  readonly #asks: Asks;

  constructor(context: DeviceContext, outgoing: OutgoingStore, asks: Asks) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#asks = asks;
  }

  /** The record with its bytes, stored; null: it was taken back meanwhile. Outside the queue. */
  async sign(
    conversation: Conversation,
    record: ReadyMessage,
    doubts: Doubts,
  ): Promise<SignedMessage | null> {
    const newest = await this.newest(conversation, doubts);
    requireReaders(record, newest.head);
    const using = await this.#key(conversation, newest, doubts);
    return this.#store(conversation, record, newest, using);
  }

  /** S1, asked again where the server has said that this device's head is old. */
  async newest(conversation: Conversation, doubts: Doubts): Promise<Newest> {
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
   * D7: the server asks this device for the next key. Made, stored and sent without a message;
   * what the server refuses somebody else has made.
   */
  async makeWanted(conversation: Conversation, doubts: Doubts): Promise<void> {
    const newest = await this.newest(conversation, doubts);
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
}

/**
 * S8: a message that the log lost goes again automatically only if everybody may read it already.
 */
function requireReaders({ signedMs }: ReadyMessage, head: RosterHead): void {
  if ((signedMs ?? Infinity) < head.latestHistoryFrom) throw failure("lost_by_restore");
}
