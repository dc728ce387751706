/**
 * Merkle trees of RFC 6962 with SHA-256: an odd last node moves up unchanged, the tree of nothing
 * is H(empty). A path is depth (1) ‖ sides (2) ‖ depth × 32 bytes: bit i of the sides is 1 where the
 * i-th hash from below is left; a level where the node moves up alone takes no hash. Pure.
 */
import { equalBytes, type Bytes } from "../../octets.ts";
import type { Reader } from "./fields.ts";
import { hash } from "./hashing.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const DEEPEST = 16;

export function leafHash(bytes: Uint8Array): Bytes {
  return hash(LEAF, bytes);
}

/** The hashes of each level, from the leaves to the root. */
export function levels(hashes: readonly Bytes[]): readonly (readonly Bytes[])[] {
  const all: (readonly Bytes[])[] = [hashes];
  for (let level = hashes; level.length > 1; all.push(level)) {
    const below = level;
    level = Array.from({ length: Math.ceil(below.length / 2) }, (_, index) => {
      const left = below[2 * index] as Bytes;
      const right = below[2 * index + 1];
      return right === undefined ? left : hash(NODE, left, right);
    });
  }
  return all;
}

/** The root over the hashes of leaves, which the caller has sorted. */
export function merkleRoot(hashes: readonly Bytes[]): Bytes {
  return levels(hashes).at(-1)?.[0] ?? hash();
}

/** The root to which the path at the reader's place leads from a leaf's hash. */
export function climb(leaf: Bytes, reader: Reader): Bytes {
  const depth = reader.uint(1);
  const sides = reader.uint(2);
  reader.require(depth <= DEEPEST && sides >> depth === 0, "malformed path");
  let node = leaf;
  for (let level = 0; level < depth; level++) {
    const beside = reader.take(32);
    node = ((sides >> level) & 1) === 1 ? hash(NODE, beside, node) : hash(NODE, node, beside);
  }
  return node;
}

// --- A tree that only grows ---------------------------------------------------------------------

/**
 * The right edge of a tree of `size` leaves with one more: the largest complete subtrees, the largest
 * first.
 */
export function appended(edge: readonly Bytes[], size: number, leaf: Bytes): readonly Bytes[] {
  const grown = [...edge];
  let node = leaf;
  for (let index = size; index % 2 === 1; index = Math.floor(index / 2))
    node = hash(NODE, grown.pop() as Bytes, node);
  return [...grown, node];
}

export function edgeRoot(edge: readonly Bytes[]): Bytes {
  const last = edge.at(-1);
  if (last === undefined) return hash();
  return edge.slice(0, -1).reduceRight((root, left) => hash(NODE, left, root), last);
}

export interface TreeHead {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Whether the proof shows that the larger tree continues from the smaller one (RFC 9162, 2.1.4.2). */
export function isConsistent(
  first: TreeHead,
  second: TreeHead,
  proof: readonly Uint8Array[],
): boolean {
  if (first.size < 1 || first.size >= second.size) return false;
  let [one, other] = [first.size - 1, second.size - 1];
  const climbOne = (): void => {
    one = Math.floor(one / 2);
    other = Math.floor(other / 2);
  };
  while (one % 2 === 1) climbOne();
  const [start, ...rest] = one === 0 ? [first.root, ...proof] : proof;
  if (start === undefined) return false;
  let [firstRoot, secondRoot] = [start, start];
  for (const beside of rest) {
    if (other === 0) return false;
    if (one % 2 === 1 || one === other) {
      firstRoot = hash(NODE, beside, firstRoot);
      secondRoot = hash(NODE, beside, secondRoot);
      while (one % 2 === 0 && one !== 0) climbOne();
    } else secondRoot = hash(NODE, secondRoot, beside);
    climbOne();
  }
  return other === 0 && equalBytes(firstRoot, first.root) && equalBytes(secondRoot, second.root);
}
