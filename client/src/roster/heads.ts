/**
 * The signed roster heads that this client has passed, in a conversation of several cells. Sealed
 * messages and cell key records name a roster epoch; here is which head that was.
 *
 * Immutable. Invariant: the heads are consecutive, each refers to the one before, and the newest
 * carries the roster authority's signature, so that all of them do. Whatever does not continue
 * them throws RosterRefused, and the caller stops the conversation with an alarm.
 */
import { HEAD_BYTES, parseHead, verifyHead, type RosterHead } from "./head.ts";
import { RosterRefused } from "./refused.ts";

/** So many heads are kept; older ones are asked for when something refers to them. */
export const KEPT_HEADS = 256;

/** One epoch of the signed roster. */
export interface HeadAt {
  readonly head: RosterHead;
  /** When the head after it was made; null while it is the newest. */
  readonly supersededMs: number | null;
}

function requireFollows(before: RosterHead, next: RosterHead): void {
  if (next.conversationId !== before.conversationId)
    throw new RosterRefused("wrong_conversation", "head of another conversation");
  if (next.epoch !== before.epoch + 1 || next.prev !== before.hash)
    throw new RosterRefused("not_an_extension", "head does not extend our copy");
}

export class HeadHistory {
  /** Ascending epochs without gaps; never empty. */
  readonly #heads: readonly RosterHead[];

  private constructor(heads: readonly RosterHead[]) {
    this.#heads = heads.length > KEPT_HEADS ? heads.slice(-KEPT_HEADS) : heads;
  }

  /** From one head that was verified already. */
  static from(head: RosterHead): HeadHistory {
    return new HeadHistory([head]);
  }

  /** From this device's own store: the bytes of {@link toBytes}. */
  static async open(bytes: Uint8Array, authorityPublicKey: Uint8Array): Promise<HeadHistory> {
    const heads: RosterHead[] = [];
    for (let at = 0; at < bytes.length; at += HEAD_BYTES)
      heads.push(parseHead(bytes.subarray(at, at + HEAD_BYTES)));
    for (const [i, head] of heads.entries()) {
      const before = heads[i - 1];
      if (before !== undefined) requireFollows(before, head);
    }
    const newest = heads.at(-1);
    if (newest === undefined) throw new RosterRefused("malformed", "no heads");
    await verifyHead(newest, authorityPublicKey);
    return new HeadHistory(heads);
  }

  toBytes(): Uint8Array {
    const bytes = new Uint8Array(this.#heads.length * HEAD_BYTES);
    for (const [i, head] of this.#heads.entries()) bytes.set(head.bytes, i * HEAD_BYTES);
    return bytes;
  }

  get newest(): RosterHead {
    return this.#heads.at(-1) as RosterHead;
  }

  get oldest(): RosterHead {
    return this.#heads[0] as RosterHead;
  }

  /** Null when the epoch is not among those kept. */
  at(epoch: number): HeadAt | null {
    const index = epoch - this.oldest.epoch;
    const head = this.#heads[index];
    if (head === undefined) return null;
    return { head, supersededMs: this.#heads[index + 1]?.createdMs ?? null };
  }

  /**
   * With these newer heads, ascending. Those that we hold already must be the very same (`fork`
   * otherwise); the rest must continue ours.
   */
  async extend(heads: readonly Uint8Array[], authorityPublicKey: Uint8Array): Promise<HeadHistory> {
    const all = [...this.#heads];
    for (const bytes of heads) {
      const head = parseHead(bytes);
      if (head.conversationId !== this.newest.conversationId)
        throw new RosterRefused("wrong_conversation", "head of another conversation");
      const newest = all.at(-1) as RosterHead;
      if (head.epoch <= newest.epoch) {
        const held = all[head.epoch - this.oldest.epoch];
        if (held !== undefined && held.hash !== head.hash)
          throw new RosterRefused("fork", "two signed heads for one epoch");
        continue;
      }
      requireFollows(newest, head);
      all.push(head);
    }
    if (all.length === this.#heads.length) return this;
    // Each head's hash covers the signature of the one before: the newest vouches for all.
    await verifyHead(all.at(-1) as RosterHead, authorityPublicKey);
    return new HeadHistory(all);
  }

  /**
   * The head of an epoch before the oldest that is kept, found in `heads`: consecutive, up to the
   * one before our oldest. Ours vouch for them, as each refers to the one before.
   */
  reach(epoch: number, heads: readonly Uint8Array[]): HeadAt {
    let next = this.oldest;
    let found: HeadAt | null = null;
    for (const bytes of [...heads].reverse()) {
      const head = parseHead(bytes);
      requireFollows(head, next);
      if (head.epoch === epoch) found = { head, supersededMs: next.createdMs };
      next = head;
    }
    if (found === null) throw new RosterRefused("not_an_extension", "history is too short");
    return found;
  }
}
