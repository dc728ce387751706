/**
 * Merkle tree hash of RFC 6962 section 2.1 with SHA-256, over the roster's leaves: cell id (16) ‖
 * certificate hash (32), in ascending byte order, without duplicates. Pure.
 */
import { sha256 } from "@noble/hashes/sha2.js";

const LEAF = 0;
const NODE = 1;

export function hashLeaf(leaf: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(LEAF)).update(leaf).digest();
}

export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256.create().update(Uint8Array.of(NODE)).update(left).update(right).digest();
}

/** The largest power of two below `n`, for n ≥ 2. */
function split(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** Root over leaves that are sorted already. Of no leaves: the hash of nothing. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array());
  return subtree(leaves, 0, leaves.length);
}

function subtree(leaves: readonly Uint8Array[], start: number, end: number): Uint8Array {
  const n = end - start;
  if (n === 1) return hashLeaf(leaves[start] as Uint8Array);
  const k = split(n);
  return hashNode(subtree(leaves, start, start + k), subtree(leaves, start + k, end));
}
