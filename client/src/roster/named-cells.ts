/**
 * Which cells the signed roster has, and who of each signed its key, proved to be all of them: the
 * tree is sorted, so that a cell's first and last leaf say what lies between, and cells that stand
 * one after another from the first leaf to the last leave no room for another. Pure.
 */
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import type { RosterCell, RosterCells } from "../wire.ts";
import type { RosterHead } from "./head.ts";
import { leavesRoot } from "./proofs.ts";
import { RosterRefused } from "./refused.ts";

const ID = /^[0-9a-f]{32}$/u;
const HASH_BYTES = 32;

/** Hashes of the certificates that signed the cells' keys, hex; null: nobody who is named. */
export type SignersByCell = ReadonlyMap<string, string | null>;

function malformed(message: string): RosterRefused {
  return new RosterRefused("malformed", message);
}

/** Throws RosterRefused unless these are exactly the cells under `head`, which was verified. */
export function openNamedCells(
  { cells, proof }: Pick<RosterCells, "cells" | "proof">,
  head: RosterHead,
): SignersByCell {
  const signers = new Map<string, string | null>();
  const shown = new Map<number, Uint8Array>();
  let first = 0;
  let before = "";
  for (const cell of cells) {
    const { cellId, count } = cell;
    if (!ID.test(cellId) || cellId <= before) throw malformed("cells do not ascend");
    if (!Number.isSafeInteger(count) || count < 1) throw malformed("a cell without leaves");
    for (const [place, hash] of placesOf(cell)) show(shown, first + place, cellId, hash);
    signers.set(cellId, cell.signer && bytesToHex(cell.signer));
    before = cellId;
    first += count;
  }
  if (first !== head.leaves || leavesRoot(shown, head.leaves, proof) !== head.root)
    throw new RosterRefused("root_mismatch", "the cells do not give the signed root");
  return signers;
}

/** The leaves that a cell names, by their place in it, ascending. */
function placesOf(cell: RosterCell): readonly (readonly [number, Uint8Array])[] {
  const { count, signer, signerPlace } = cell;
  const ends = [[0, cell.first] as const, [count - 1, cell.last] as const];
  if (signer === null || signerPlace === null) return ends;
  if (!(signerPlace >= 0 && signerPlace < count)) throw malformed("a signer outside of its cell");
  return [...ends, [signerPlace, signer] as const].sort(([a], [b]) => a - b);
}

function show(
  shown: Map<number, Uint8Array>,
  index: number,
  cellId: string,
  hash: Uint8Array,
): void {
  if (hash.length !== HASH_BYTES) throw malformed("not a certificate's hash");
  const leaf = concatBytes(hexToBytes(cellId), hash);
  const known = shown.get(index);
  if (known !== undefined && bytesToHex(known) !== bytesToHex(leaf))
    throw malformed("two leaves at one place");
  shown.set(index, leaf);
}
