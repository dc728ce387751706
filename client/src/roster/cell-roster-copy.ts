/**
 * This client's copy of its own cell's part of the signed roster: the leaves of one cell, proved to
 * stand under a verified head. What a client holds of the roster does not grow with the
 * conversation. A DS that leaves some of them out only keeps those clients out.
 *
 * Immutable. Another head does not change the copy unless the cell is among those that it changes;
 * then the part is fetched anew (roster_fetch.ts).
 */
import type { RosterRecord } from "../records.ts";
import type { CellRoster, RosterLeaf } from "../wire.ts";
import { parseHead, verifyHead, type RosterHead } from "./head.ts";
import { inclusionWithin, rangeRoot } from "./proofs.ts";
import { RosterRefused } from "./refused.ts";
import type { Roster } from "./roster.ts";
import { leafBytes } from "./roster-copy.ts";

const HASH = /^[0-9a-f]{64}$/u;

export class CellRosterCopy implements Roster {
  readonly head: RosterHead;
  readonly cellId: string;
  readonly first: number;
  readonly proof: Uint8Array;
  readonly #leaves: ReadonlyMap<string, RosterLeaf>;

  private constructor(
    head: RosterHead,
    cell: Pick<CellRoster, "cellId" | "first" | "proof">,
    leaves: ReadonlyMap<string, RosterLeaf>,
  ) {
    this.head = head;
    this.cellId = cell.cellId;
    this.first = cell.first;
    this.proof = cell.proof;
    this.#leaves = leaves;
  }

  /** From the DS, or from this device's own store: verified either way. */
  static async open(
    roster: CellRoster,
    conversationId: string,
    cellId: string,
    authorityPublicKey: Uint8Array,
  ): Promise<CellRosterCopy> {
    const head = parseHead(roster.head);
    if (head.conversationId !== conversationId)
      throw new RosterRefused("wrong_conversation", "head of another conversation");
    await verifyHead(head, authorityPublicKey);
    if (roster.cellId !== cellId) throw new RosterRefused("malformed", "roster of another cell");
    const leaves = new Map<string, RosterLeaf>();
    let before = "";
    for (const leaf of roster.leaves) {
      const { certificateHash } = leaf;
      if (leaf.cellId !== cellId || !HASH.test(certificateHash) || certificateHash <= before)
        throw new RosterRefused("malformed", "leaves do not ascend within the cell");
      before = certificateHash;
      leaves.set(certificateHash, leaf);
    }
    const bytes = roster.leaves.map((leaf) => leafBytes(cellId, leaf.certificateHash));
    if (rangeRoot(roster.first, bytes, head.leaves, roster.proof) !== head.root)
      throw new RosterRefused("root_mismatch", "the leaves do not give the signed root");
    return new CellRosterCopy(head, roster, leaves);
  }

  names(cellId: string, certificateHash: string): boolean {
    return cellId === this.cellId && this.#leaves.has(certificateHash);
  }

  leaves(): readonly RosterLeaf[] {
    return [...this.#leaves.values()];
  }

  /** The proof that this certificate's leaf stands under the head; null when it does not. */
  inclusionProof(certificateHash: string): Uint8Array | null {
    const hashes = [...this.#leaves.keys()];
    const chosen = hashes.indexOf(certificateHash);
    if (chosen < 0) return null;
    const bytes = hashes.map((hash) => leafBytes(this.cellId, hash));
    return inclusionWithin(this.first, bytes, this.head.leaves, this.proof, chosen);
  }

  toRecord(): RosterRecord {
    const { cellId, first, proof } = this;
    return { head: this.head.bytes, leaves: this.leaves(), cell: { cellId, first, proof } };
  }
}
