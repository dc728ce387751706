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

/** Who entered and left between two trees: a leaf counts by its index and its certificate. */
export function difference(
  before: RatchetTree,
  after: RatchetTree,
): { readonly added: CellMember[]; readonly removed: CellMember[] } {
  const key = (member: CellMember): string =>
    `${String(member.leafIndex)} ${member.personId} ${member.clientId}`;
  const old = membersOf(before);
  const now = membersOf(after);
  const oldKeys = new Set(old.map(key));
  const nowKeys = new Set(now.map(key));
  return {
    added: now.filter((member) => !oldKeys.has(key(member))),
    removed: old.filter((member) => !nowKeys.has(key(member))),
  };
}

export function ownLeafIndex(state: ClientState): number {
  return state.privatePath.leafIndex;
}
