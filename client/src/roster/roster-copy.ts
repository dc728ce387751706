/**
 * This client's copy of one conversation's signed roster: the newest verified head and the leaves
 * under its root. It is what members ask before they accept a joiner.
 *
 * Immutable: `apply` returns the next copy. Invariant: the leaves give the signed root, and each
 * copy extends the one before (epoch + 1, prev). Anything else throws RosterRefused, and the
 * caller stops the conversation with an alarm.
 */
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import type { RosterRecord } from "../records.ts";
import type { RosterChange, RosterLeaf } from "../wire.ts";
import { parseHead, verifyHead, type RosterHead } from "./head.ts";
import { merkleRoot } from "./merkle.ts";
import { RosterRefused } from "./refused.ts";
import type { Roster } from "./roster.ts";

const ID = /^[0-9a-f]{32}$/u;
const HASH = /^[0-9a-f]{64}$/u;

/** Cell id and certificate hash, hex: sorts as the bytes do. */
function leafKey(cellId: string, certificateHash: string): string {
  return cellId + certificateHash;
}

function checkedKey(leaf: RosterLeaf): string {
  if (!ID.test(leaf.cellId) || !HASH.test(leaf.certificateHash))
    throw new RosterRefused("malformed", "leaf holds something other than ids");
  return leafKey(leaf.cellId, leaf.certificateHash);
}

function rootOf(leaves: ReadonlyMap<string, RosterLeaf>): string {
  return bytesToHex(merkleRoot([...leaves.keys()].sort().map((key) => hexToBytes(key))));
}

function requireRoot(head: RosterHead, leaves: ReadonlyMap<string, RosterLeaf>): void {
  if (leaves.size !== head.leaves || rootOf(leaves) !== head.root)
    throw new RosterRefused("root_mismatch", "the leaves do not give the signed root");
}

export class RosterCopy implements Roster {
  readonly head: RosterHead;
  readonly #leaves: ReadonlyMap<string, RosterLeaf>;
  readonly #authorityPublicKey: Uint8Array;

  private constructor(
    head: RosterHead,
    leaves: ReadonlyMap<string, RosterLeaf>,
    authorityPublicKey: Uint8Array,
  ) {
    this.head = head;
    this.#leaves = leaves;
    this.#authorityPublicKey = authorityPublicKey;
  }

  /** From the DS, or from this device's own store: verified either way. */
  static async open(
    signed: Pick<RosterRecord, "head" | "leaves">,
    conversationId: string,
    authorityPublicKey: Uint8Array,
  ): Promise<RosterCopy> {
    const head = parseHead(signed.head);
    if (head.conversationId !== conversationId)
      throw new RosterRefused("wrong_conversation", "head of another conversation");
    await verifyHead(head, authorityPublicKey);
    const leaves = new Map<string, RosterLeaf>();
    for (const leaf of signed.leaves) {
      const key = checkedKey(leaf);
      if (leaves.has(key)) throw new RosterRefused("malformed", "a leaf is there twice");
      leaves.set(key, leaf);
    }
    requireRoot(head, leaves);
    return new RosterCopy(head, leaves, authorityPublicKey);
  }

  /** The copy after a log entry of kind "roster". The very head we hold changes nothing. */
  async apply(change: Pick<RosterChange, "head" | "added" | "removed">): Promise<RosterCopy> {
    const head = parseHead(change.head);
    if (head.conversationId !== this.head.conversationId)
      throw new RosterRefused("wrong_conversation", "head of another conversation");
    await verifyHead(head, this.#authorityPublicKey);
    if (head.epoch === this.head.epoch) {
      if (head.hash !== this.head.hash)
        throw new RosterRefused("fork", "two signed heads for one epoch");
      return this;
    }
    if (head.epoch !== this.head.epoch + 1 || head.prev !== this.head.hash)
      throw new RosterRefused("not_an_extension", "head does not extend our copy");
    const leaves = changed(this.#leaves, change.added, change.removed);
    requireRoot(head, leaves);
    return new RosterCopy(head, leaves, this.#authorityPublicKey);
  }

  /**
   * The copy before `change`, which made this one. A client that joins by a Welcome of last week
   * fetches today's roster and walks back, so that it judges last week's log by last week's roster.
   * `before` is the head that `change` extended, from its own log entry; it is verified like any.
   */
  async rewind(
    change: Pick<RosterChange, "head" | "added" | "removed">,
    before: Uint8Array,
  ): Promise<RosterCopy> {
    const head = parseHead(before);
    if (parseHead(change.head).hash !== this.head.hash || head.hash !== this.head.prev)
      throw new RosterRefused("not_an_extension", "this copy does not follow that change");
    if (head.conversationId !== this.head.conversationId || head.epoch !== this.head.epoch - 1)
      throw new RosterRefused("not_an_extension", "not the head before this one");
    await verifyHead(head, this.#authorityPublicKey);
    const leaves = changed(this.#leaves, change.removed, change.added);
    requireRoot(head, leaves);
    return new RosterCopy(head, leaves, this.#authorityPublicKey);
  }

  names(cellId: string, certificateHash: string): boolean {
    return this.#leaves.has(leafKey(cellId, certificateHash));
  }

  /** Every leaf, in the order of the tree. */
  leaves(): readonly RosterLeaf[] {
    return [...this.#leaves.keys()].sort().map((key) => this.#leaves.get(key) as RosterLeaf);
  }

  toRecord(): RosterRecord {
    return { head: this.head.bytes, leaves: this.leaves() };
  }
}

function changed(
  leaves: ReadonlyMap<string, RosterLeaf>,
  added: readonly RosterLeaf[],
  removed: readonly RosterLeaf[],
): ReadonlyMap<string, RosterLeaf> {
  const next = new Map(leaves);
  for (const leaf of removed) {
    if (!next.delete(checkedKey(leaf)))
      throw new RosterRefused("root_mismatch", "removes a leaf that is not there");
  }
  for (const leaf of added) {
    const key = checkedKey(leaf);
    if (next.has(key)) throw new RosterRefused("root_mismatch", "adds a leaf that is there");
    next.set(key, leaf);
  }
  return next;
}

/** Leaf bytes as they enter the tree, for tests and for proofs. */
export function leafBytes(cellId: string, certificateHash: string): Uint8Array {
  return concatBytes(hexToBytes(cellId), hexToBytes(certificateHash));
}
