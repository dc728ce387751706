/** The other half of src/roster/proofs.ts: a roster's Merkle tree, and the proofs that it gives. */
import { concat, fromHex, u64 } from "../../src/octets.ts";
import { hashLeaf, hashNode } from "../../src/roster/merkle.ts";
import { leafBytes } from "../../src/roster/roster-copy.ts";
import type { RosterLeaf } from "../../src/wire.ts";

export class RosterTree {
  /** In the tree's order. */
  readonly leaves: readonly RosterLeaf[];
  readonly #levels: Uint8Array[][];

  constructor(leaves: readonly RosterLeaf[]) {
    const key = (leaf: RosterLeaf): string => leaf.cellId + leaf.certificateHash;
    this.leaves = [...leaves].sort((a, b) => (key(a) < key(b) ? -1 : 1));
    let level = this.leaves.map((leaf) => hashLeaf(leafBytes(leaf.cellId, leaf.certificateHash)));
    this.#levels = [level];
    while (level.length > 1) {
      const above: Uint8Array[] = [];
      for (let i = 0; i < level.length; i += 2) {
        const [left, right] = [level[i] as Uint8Array, level[i + 1]];
        above.push(right === undefined ? left : hashNode(left, right));
      }
      level = above;
      this.#levels.push(level);
    }
  }

  cell(cellId: string): { readonly first: number; readonly leaves: readonly RosterLeaf[] } {
    const first = this.leaves.findIndex((leaf) => leaf.cellId === cellId);
    return { first, leaves: this.leaves.filter((leaf) => leaf.cellId === cellId) };
  }

  rangeProof(first: number, count: number): Uint8Array {
    let [low, high] = [first, first + count];
    const hashes: Uint8Array[] = [];
    for (const level of this.#levels.slice(0, -1)) {
      if (low % 2 === 1) hashes.push(level[low - 1] as Uint8Array);
      if (high % 2 === 1 && high < level.length) hashes.push(level[high] as Uint8Array);
      low = Math.floor(low / 2);
      high = Math.ceil(high / 2);
    }
    return concat(...hashes);
  }

  /** The index of a leaf; null when it is not there. */
  find(cellId: string, certificateHash: string): number | null {
    const index = this.leaves.findIndex(
      (leaf) => leaf.cellId === cellId && leaf.certificateHash === certificateHash,
    );
    return index < 0 ? null : index;
  }

  /** One proof of leaves here and there. */
  leavesProof(indexes: readonly number[]): Uint8Array {
    let shown = [...new Set(indexes)].sort((a, b) => a - b);
    const hashes: Uint8Array[] = [];
    for (const level of this.#levels.slice(0, -1)) {
      const known = new Set(shown);
      for (const at of shown) {
        const beside = level[at ^ 1];
        if (beside !== undefined && !known.has(at ^ 1)) hashes.push(beside);
      }
      shown = [...new Set(shown.map((at) => at >>> 1))];
    }
    return concat(...hashes);
  }

  inclusionProof(certificateHash: string): Uint8Array {
    const index = this.leaves.findIndex((leaf) => leaf.certificateHash === certificateHash);
    const leaf = this.leaves[index];
    if (leaf === undefined) throw new Error("no such leaf");
    return concat(fromHex(leaf.cellId), u64(index), this.rangeProof(index, 1));
  }
}
