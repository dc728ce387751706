/**
 * Merkle trees of RFC 6962 with SHA-256: an odd last node moves up unchanged, the tree of nothing
 * is H(empty). A path is depth (1) ‖ sides (2) ‖ depth × 32 bytes: bit i of the sides is 1 where the
 * i-th hash from below stands left; a level where the node moves up alone takes no hash. Pure.
 */
import type { Bytes } from "../../octets.ts";
import { concat } from "../../octets.ts";
import { uint, type Reader } from "./fields.ts";
import { hash } from "./hashing.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const DEEPEST = 16;

export function leafHash(bytes: Uint8Array): Bytes {
  return hash(LEAF, bytes);
}

function levels(hashes: readonly Bytes[]): readonly (readonly Bytes[])[] {
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

export function merklePath(hashes: readonly Bytes[], index: number): Bytes {
  const path: Bytes[] = [];
  let [sides, at] = [0, index];
  for (const level of levels(hashes).slice(0, -1)) {
    const beside = level[at ^ 1];
    if (beside !== undefined) {
      sides |= (at & 1) << path.length;
      path.push(beside);
    }
    at >>= 1;
  }
  return concat(uint(path.length, 1), uint(sides, 2), ...path);
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
