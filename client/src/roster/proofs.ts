/**
 * Proofs under a roster head (docs/protocol.md, "Roster proofs"): that a cell's leaves, side by
 * side in the tree, one leaf, or leaves here and there stand under the signed root. Pure; the other half of
 * src/copconnect/delivery/roster_tree.py, held together by spec/roster_proofs.json.
 */
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { hashLeaf, hashNode } from "./merkle.ts";
import { RosterRefused } from "./refused.ts";

const HASH = 32;
const CELL = 16;
const INDEX = 8;
/** Far more devices than there are, and indexes stay small integers. */
const MOST_LEAVES = 2 ** 30;
const CERTIFICATE_HASH = /^[0-9a-f]{64}$/u;

function malformed(message: string): RosterRefused {
  return new RosterRefused("malformed", message);
}

interface Hashes {
  take(): Uint8Array;
  /** All must have been taken. */
  end(): void;
}

function hashesOf(proof: Uint8Array): Hashes {
  if (proof.length % HASH !== 0) throw malformed("proof is not made of hashes");
  let taken = 0;
  return {
    take() {
      if (taken === proof.length) throw malformed("proof is too short");
      taken += HASH;
      return proof.subarray(taken - HASH, taken);
    },
    end() {
      if (taken !== proof.length) throw malformed("proof is too long");
    },
  };
}

interface Walk {
  readonly root: Uint8Array;
  /** The hashes beside the chosen leaf's way up. */
  readonly siblings: readonly Uint8Array[];
}

/** From leaves `first`… up to the root; `chosen` is an index among the leaves given, or -1. */
function walk(
  first: number,
  leaves: readonly Uint8Array[],
  count: number,
  proof: Uint8Array,
  chosen: number,
): Walk {
  if (count > MOST_LEAVES || leaves.length === 0 || !(first >= 0 && first <= count - leaves.length))
    throw malformed("no such leaves");
  const next = hashesOf(proof);
  let nodes = leaves.map(hashLeaf);
  let low = first;
  let wide = count;
  let at = low + chosen;
  const siblings: Uint8Array[] = [];
  while (wide > 1) {
    const high = low + nodes.length;
    if (low % 2 === 1) {
      nodes.unshift(next.take());
      low--;
    }
    if (high % 2 === 1 && high < wide) nodes.push(next.take());
    const beside = nodes[(at ^ 1) - low];
    if (chosen >= 0 && beside !== undefined) siblings.push(beside);
    const above: Uint8Array[] = [];
    for (let i = 0; i < nodes.length; i += 2) {
      const [left, right] = [nodes[i] as Uint8Array, nodes[i + 1]];
      above.push(right === undefined ? left : hashNode(left, right));
    }
    nodes = above;
    low = low / 2;
    at = at >>> 1;
    wide = Math.ceil(wide / 2);
  }
  next.end();
  return { root: nodes[0] as Uint8Array, siblings };
}

/** The root that a range proof leads to, hex; `count` leaves are in the whole tree. */
export function rangeRoot(
  first: number,
  leaves: readonly Uint8Array[],
  count: number,
  proof: Uint8Array,
): string {
  return bytesToHex(walk(first, leaves, count, proof, -1).root);
}

/**
 * The root that one proof of leaves here and there leads to, hex. `shown` is by index, ascending.
 * From the bottom up, the proof has of each node that leads to one of them and whose neighbour does
 * not that neighbour's hash, in the tree's order.
 */
export function leavesRoot(
  shown: ReadonlyMap<number, Uint8Array>,
  count: number,
  proof: Uint8Array,
): string {
  if (count > MOST_LEAVES || shown.size === 0) throw malformed("no such leaves");
  const next = hashesOf(proof);
  let nodes = new Map<number, Uint8Array>();
  let before = -1;
  for (const [index, leaf] of shown) {
    if (!(Number.isInteger(index) && index > before && index < count))
      throw malformed("leaves do not ascend within the tree");
    nodes.set(index, hashLeaf(leaf));
    before = index;
  }
  for (let wide = count; wide > 1; wide = Math.ceil(wide / 2)) {
    const above = new Map<number, Uint8Array>();
    for (const [at, node] of nodes) {
      const beside = at ^ 1;
      // The right one of a pair was hashed with the left one.
      if (above.has(at >>> 1)) continue;
      if (beside >= wide) above.set(at >>> 1, node);
      else {
        const other = nodes.get(beside) ?? next.take();
        above.set(at >>> 1, at % 2 === 0 ? hashNode(node, other) : hashNode(other, node));
      }
    }
    nodes = above;
  }
  next.end();
  return bytesToHex(nodes.get(0) as Uint8Array);
}

/** The inclusion proof of one leaf of a range whose proof was verified. */
export function inclusionWithin(
  first: number,
  leaves: readonly Uint8Array[],
  count: number,
  proof: Uint8Array,
  chosen: number,
): Uint8Array {
  const leaf = leaves[chosen];
  if (leaf === undefined) throw malformed("no such leaf");
  const index = new Uint8Array(INDEX);
  new DataView(index.buffer).setBigUint64(0, BigInt(first + chosen));
  const { siblings } = walk(first, leaves, count, proof, chosen);
  return concatBytes(leaf.subarray(0, CELL), index, ...siblings);
}

/**
 * The cell for which an inclusion proof shows a certificate under a root, or null when it does
 * not. `root` and `certificateHash` are hex.
 */
export function provenCell(
  proof: Uint8Array,
  certificateHash: string,
  count: number,
  root: string,
): string | null {
  if (proof.length < CELL + INDEX || !CERTIFICATE_HASH.test(certificateHash)) return null;
  const cell = proof.subarray(0, CELL);
  const view = new DataView(proof.buffer, proof.byteOffset);
  const index = Number(view.getBigUint64(CELL));
  const leaf = concatBytes(cell, hexToBytes(certificateHash));
  try {
    const found = rangeRoot(index, [leaf], count, proof.subarray(CELL + INDEX));
    return found === root ? bytesToHex(cell) : null;
  } catch (error) {
    if (error instanceof RosterRefused) return null;
    throw error;
  }
}
