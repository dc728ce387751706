/** The roster authority's side of proofs: a whole roster as its head and proofs have it. */
import { concat, equalBytes, type Bytes, compareBytes } from "#core/octets.ts";
import { Writer, uint } from "#core/keys/format/fields.ts";
import { leafHash, levels, merkleRoot } from "#core/keys/format/merkle.ts";

export interface LeafValues {
  readonly cell: Uint8Array;
  readonly person: Uint8Array;
  readonly device: Uint8Array;
  readonly historyFrom: number;
  readonly rights: number;
}

export function encodeLeaf(leaf: LeafValues): Bytes {
  return new Writer()
    .bytes(leaf.cell, 16)
    .bytes(leaf.person, 16)
    .bytes(leaf.device, 32)
    .uint(leaf.historyFrom, 8)
    .uint(leaf.rights, 2)
    .done();
}

export interface CellLineValues {
  readonly cell: Uint8Array;
  readonly devices: number;
  readonly rekeyEpoch: number;
  readonly root: Uint8Array;
}

export function encodeCellLine(line: CellLineValues): Bytes {
  return new Writer()
    .bytes(line.cell, 16)
    .uint(line.devices, 2)
    .uint(line.rekeyEpoch, 8)
    .bytes(line.root, 32)
    .done();
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

/** A roster as a whole: leaves by cell, lines, and the root that a head signs. */
export interface RosterTree {
  readonly root: Bytes;
  readonly latestHistoryFrom: number;
  readonly lines: readonly CellLineValues[];
  /** Leaf ‖ proof. */
  prove(leaf: LeafValues): Bytes;
}

export function rosterTree(
  leaves: readonly LeafValues[],
  rekeyEpoch: (cell: Uint8Array) => number,
): RosterTree {
  const sorted = [...leaves].sort(
    (a, b) => compareBytes(a.cell, b.cell) || compareBytes(a.device, b.device),
  );
  const cells: LeafValues[][] = [];
  for (const leaf of sorted) {
    const last = cells.at(-1);
    if (last?.[0] !== undefined && equalBytes(last[0].cell, leaf.cell)) last.push(leaf);
    else cells.push([leaf]);
  }
  const hashes = cells.map((own) => own.map((leaf) => leafHash(encodeLeaf(leaf))));
  const lines = cells.map((own, at) => {
    const cell = (own[0] as LeafValues).cell;
    const root = merkleRoot(hashes[at] as Bytes[]);
    return { cell, devices: own.length, rekeyEpoch: rekeyEpoch(cell), root };
  });
  const lineHashes = lines.map((line) => leafHash(encodeCellLine(line)));
  return {
    root: merkleRoot(lineHashes),
    latestHistoryFrom: Math.max(0, ...leaves.map(({ historyFrom }) => historyFrom)),
    lines,
    prove(leaf) {
      const at = lines.findIndex(({ cell }) => equalBytes(cell, leaf.cell));
      const own = cells[at] ?? [];
      const index = own.findIndex(({ device }) => equalBytes(device, leaf.device));
      if (index < 0) throw new RangeError("the leaf is not in this roster");
      return concat(
        encodeLeaf(leaf),
        merklePath(hashes[at] as Bytes[], index),
        encodeCellLine(lines[at] as CellLineValues),
        merklePath(lineHashes, at),
      );
    },
  };
}
