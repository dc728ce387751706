/** Leaves of the ratchet tree as cell members. Pure. */
import type { ClientState } from "ts-mls";
import type { LeafNode } from "ts-mls/leafNode.js";
import type { RatchetTree } from "ts-mls/ratchetTree.js";
import { identify } from "./credential.ts";
import type { CellMember } from "./types.ts";

export interface Leaf {
  readonly index: number;
  readonly node: LeafNode;
}

/** Leaves that are not blank, in order. Leaf i is node 2i (RFC 9420 appendix C). */
export function leavesOf(tree: RatchetTree): Leaf[] {
  const leaves: Leaf[] = [];
  for (let i = 0; i < tree.length; i += 2) {
    const node = tree[i];
    if (node?.nodeType === "leaf") leaves.push({ index: i / 2, node: node.leaf });
  }
  return leaves;
}

export function leafAt(tree: RatchetTree, index: number): LeafNode | undefined {
  if (!Number.isSafeInteger(index) || index < 0) return undefined;
  const node = tree[2 * index];
  return node?.nodeType === "leaf" ? node.leaf : undefined;
}

export function memberOf(leaf: Leaf): CellMember {
  return { ...identify(leaf.node.credential), leafIndex: leaf.index };
}

export function membersOf(tree: RatchetTree): CellMember[] {
  return leavesOf(tree).map(memberOf);
}

/**
 * Who entered and left between two trees: a leaf counts by its index and its certificate. Most leaves
 * are the same object in both, which costs nothing.
 */
export function difference(
  before: RatchetTree,
  after: RatchetTree,
): { readonly added: CellMember[]; readonly removed: CellMember[] } {
  const added: CellMember[] = [];
  const removed: CellMember[] = [];
  for (let index = 0; 2 * index < Math.max(before.length, after.length); index++) {
    const [old, now] = [leafAt(before, index), leafAt(after, index)];
    if (old === now) continue;
    const was = old === undefined ? null : memberOf({ index, node: old });
    const is = now === undefined ? null : memberOf({ index, node: now });
    if (was?.personId === is?.personId && was?.clientId === is?.clientId) continue;
    if (was !== null) removed.push(was);
    if (is !== null) added.push(is);
  }
  return { added, removed };
}

export function ownLeafIndex(state: ClientState): number {
  return state.privatePath.leafIndex;
}
