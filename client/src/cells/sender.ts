/**
 * This device's own chain in one conversation: it gives each message its seq, and each seq to one
 * message only.
 *
 * Invariant: at most one message is pending. It keeps its seq, message id, K, iv and body until the
 * DS has accepted it; another is sealed only then. So there are never two messages with one seq,
 * whatever is retried. The caller stores `state` in the transaction before it sends (it holds K:
 * in the vault), and opens the chain from that state and no older one.
 */
import type { KemId } from "./format.ts";
import {
  NO_HEADER,
  encodeSeal,
  encodeSignedHeader,
  parseSeals,
  parseSignedHeader,
} from "./message.ts";
import type { SignedHeader } from "./message.ts";
import type { CellKeyRecord, Sign } from "./record.ts";
import { concat, copy, type Bytes } from "../octets.ts";
import type { ChainPlace } from "./chain.ts";
import { CellRefused } from "./refused.ts";
import { encryptMessage, sealFor, signMessage } from "./seal.ts";
import type { EncryptedMessage, RosterSeen, SealedMessage, SealingOptions } from "./seal.ts";

/** Plain values, for the vault. */
export interface SenderState {
  readonly conversationId: string;
  /** The last message that the DS accepted; seq 0 before the first. */
  readonly last: ChainPlace;
  readonly pending: {
    /** Header and signature. */
    readonly header: Bytes;
    readonly key: Bytes;
    readonly body: Bytes;
    readonly seals: Bytes;
  } | null;
}

export interface Audience {
  /** Judged by judgeRecord. */
  readonly records: readonly CellKeyRecord[];
  readonly roster: RosterSeen;
}

/** What a message needs besides its plaintext. */
export interface Draft extends Audience {
  readonly kem: KemId;
  /** SHA-256 of this device's certificate, hex. */
  readonly sender: string;
  readonly sentMs: number;
  readonly plaintext: Uint8Array;
  /** The outbox's id of the message, 16 random bytes in hex; absent: made here. */
  readonly messageId?: string;
}

/** What changed since a message was sealed. */
export interface Reseal {
  /** New keys, of cells that went stale or were added. Every other seal stays as it is. */
  readonly records: readonly CellKeyRecord[];
  /** Cells that are no longer due: gone from the roster, or waiting for a Remove. */
  readonly without: readonly string[];
  readonly roster: RosterSeen;
}

/** Kept for late seals to cells that could not be sealed to: `sealFor(header, key, records)`. */
export interface AcceptedMessage {
  readonly header: SignedHeader;
  readonly key: Bytes;
}

interface Pending {
  readonly message: EncryptedMessage;
  readonly sealed: SealedMessage;
}

export class SenderChain {
  readonly conversationId: string;
  #last: ChainPlace;
  #pending: Pending | null;
  #sealing = false;

  private constructor(conversationId: string, last: ChainPlace, pending: Pending | null) {
    this.conversationId = conversationId;
    this.#last = last;
    this.#pending = pending;
  }

  static first(conversationId: string): SenderChain {
    return new SenderChain(conversationId, { seq: 0, hash: NO_HEADER }, null);
  }

  static open(state: SenderState): SenderChain {
    const { conversationId, last, pending } = state;
    if (pending === null) return new SenderChain(conversationId, last, null);
    const header = parseSignedHeader(pending.header);
    if (
      header.conversationId !== conversationId ||
      header.seq !== last.seq + 1 ||
      header.prev !== last.hash
    )
      throw new CellRefused("malformed", "the stored message does not continue the chain");
    const message = { ...header, key: copy(pending.key), body: copy(pending.body) };
    const seals = parseSeals(pending.seals, header.kem);
    return new SenderChain(conversationId, last, {
      message,
      sealed: { header, body: message.body, seals },
    });
  }

  get state(): SenderState {
    const pending = this.#pending && {
      header: encodeSignedHeader(this.#pending.sealed.header),
      key: this.#pending.message.key,
      body: this.#pending.message.body,
      seals: concat(...this.#pending.sealed.seals.map(encodeSeal)),
    };
    return { conversationId: this.conversationId, last: this.#last, pending };
  }

  /** The message that is on its way: a retry sends these very bytes. */
  get pending(): SealedMessage | null {
    return this.#pending?.sealed ?? null;
  }

  /** Encrypt and seal the next message. Refuses with `message_pending` until the last is accepted. */
  async seal(draft: Draft, sign: Sign, options: SealingOptions = {}): Promise<SealedMessage> {
    if (this.#pending !== null)
      throw new CellRefused("message_pending", "the message before is not accepted yet");
    return this.#alone(async () => {
      const { kem, sender, sentMs, messageId } = draft;
      const { conversationId } = this;
      const follows = { seq: this.#last.seq + 1, prev: this.#last.hash };
      const named = messageId === undefined ? {} : { messageId };
      const fields = { kem, conversationId, sender, sentMs, ...named, ...follows };
      const message = await encryptMessage(fields, draft.plaintext, options.randomness);
      const seals = await sealFor(message, message.key, draft.records, options);
      return { message, sealed: await signMessage(message, seals, draft.roster, sign) };
    });
  }

  /**
   * The pending message for cells as they are now: the same id, K and body, a new header. Only
   * after the DS has refused the header before (`stale_epoch`, `removal_pending`).
   */
  async reseal(change: Reseal, sign: Sign, options: SealingOptions = {}): Promise<SealedMessage> {
    const pending = this.#pending;
    if (pending === null) throw new CellRefused("nothing_pending", "no message is on its way");
    return this.#alone(async () => {
      const { message, sealed } = pending;
      const fresh = await sealFor(message, message.key, change.records, options);
      const replaced = new Set([...change.without, ...fresh.map((seal) => seal.cellId)]);
      const seals = [...sealed.seals.filter((seal) => !replaced.has(seal.cellId)), ...fresh].sort(
        (a, b) => (a.cellId < b.cellId ? -1 : 1),
      );
      return { message, sealed: await signMessage(message, seals, change.roster, sign) };
    });
  }

  /** The DS has the message with this header in its log: the next may be sealed. */
  accepted(headerHash: string): AcceptedMessage {
    if (this.#sealing) throw new CellRefused("message_pending", "a message is being sealed");
    if (this.#pending === null)
      throw new CellRefused("nothing_pending", "no message is on its way");
    const { message, sealed } = this.#pending;
    if (headerHash !== sealed.header.hash)
      throw new CellRefused("chain_broken", "the DS accepted another header of this seq");
    this.#last = { seq: sealed.header.seq, hash: sealed.header.hash };
    this.#pending = null;
    return { header: sealed.header, key: message.key };
  }

  /** One at a time: a second call while the first is at work is refused. */
  async #alone(work: () => Promise<Pending>): Promise<SealedMessage> {
    if (this.#sealing) throw new CellRefused("message_pending", "a message is being sealed");
    this.#sealing = true;
    try {
      this.#pending = await work();
      return this.#pending.sealed;
    } finally {
      this.#sealing = false;
    }
  }
}
