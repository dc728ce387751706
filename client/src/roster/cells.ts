/** The leaves of a whole cell, and the lines of all cells, checked against a head. Pure. */
import { Reader, areAscending } from "../keys/format/fields.ts";
import { climb, leafHash, merkleRoot } from "../keys/format/merkle.ts";
import { refuseUnless } from "../keys/format/refused.ts";
import { equalBytes, fromHex } from "../octets.ts";
import { readCellLine, type CellLine } from "../keys/roster/cell-line.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import { LEAF_BYTES, readLeaf, type Leaf } from "../keys/roster/leaf.ts";
import { requireLeaf } from "../keys/roster/proof.ts";
import type { CellLeaves } from "../wire.ts";

const LINE_BYTES = 58;

export interface Cell {
  readonly line: CellLine;
  readonly leaves: readonly Leaf[];
  /** Whether the head's devices are all in it. */
  readonly only: boolean;
}

export function readLeaves(bytes: Uint8Array, rule: string): readonly Leaf[] {
  refuseUnless(bytes.length % LEAF_BYTES === 0, rule, "leaves are truncated");
  const reader = new Reader(bytes, rule);
  return Array.from({ length: bytes.length / LEAF_BYTES }, () => readLeaf(reader));
}

/** Check a cell's leaves, line and path under a head. */
export function checkCell(head: RosterHead, cell: CellLeaves, rule: string): Cell {
  const leaves = readLeaves(cell.leaves, rule);
  const lineReader = new Reader(cell.line, rule);
  const line = readCellLine(lineReader);
  lineReader.end();
  const pathReader = new Reader(cell.path, rule);
  const top = climb(leafHash(line.bytes), pathReader);
  pathReader.end();
  refuseUnless(equalBytes(top, head.root), rule, "the cell is not the head's");
  for (const leaf of leaves) requireLeaf(head, leaf, rule);
  const own = leaves.every((leaf) => leaf.cell === line.cell);
  const ascending = areAscending(leaves.map(({ device }) => fromHex(device)));
  refuseUnless(own && ascending && leaves.length === line.devices, rule, "leaves do not fit");
  refuseUnless(equalBytes(rootOf(leaves), line.root), rule, "leaves are not the cell's");
  return { line, leaves, only: leaves.length === head.devices };
}

/** The root over leaves that ascend by device. */
export function rootOf(leaves: readonly Leaf[]): Uint8Array {
  return merkleRoot(leaves.map(({ bytes }) => leafHash(bytes)));
}

/** All cell lines under a head. */
export function checkLines(head: RosterHead, bytes: Uint8Array, rule: string): readonly CellLine[] {
  refuseUnless(bytes.length % LINE_BYTES === 0, rule, "cell lines are truncated");
  const reader = new Reader(bytes, rule);
  const lines = Array.from({ length: bytes.length / LINE_BYTES }, () => readCellLine(reader));
  const root = merkleRoot(lines.map((line) => leafHash(line.bytes)));
  refuseUnless(equalBytes(root, head.root), rule, "lines are not the head's");
  return lines;
}

/** A leaf ‖ path in its cell, under the cell's line, which is the head's. */
export function checkCellProof(
  head: RosterHead,
  line: CellLine,
  proof: Uint8Array,
  rule: string,
): Leaf {
  const reader = new Reader(proof, rule);
  const leaf = readLeaf(reader);
  const root = climb(leafHash(leaf.bytes), reader);
  reader.end();
  const listed = leaf.cell === line.cell && equalBytes(root, line.root);
  refuseUnless(listed, rule, "the device is not listed in the cell");
  requireLeaf(head, leaf, rule);
  return leaf;
}
