/**
 * That a device is listed: leaf ‖ path in its cell ‖ cell line ‖ path of the line, under a head.
 * {@link prove} is the roster authority's side, for tests and simulations.
 */
import { concat, equalBytes, type Bytes } from "../../octets.ts";
import { compareBytes } from "../format/compare.ts";
import { Reader } from "../format/fields.ts";
import type { DeviceId } from "../../ids.ts";
import { climb, leafHash, merklePath, merkleRoot } from "../format/merkle.ts";
import { encodeCellLine, readCellLine, type CellLine, type CellLineValues } from "./cell-line.ts";
import { refuseUnless } from "../format/refused.ts";
import type { RosterHead } from "./head.ts";
import { encodeLeaf, readLeaf, type Leaf, type LeafValues } from "./leaf.ts";

/** A leaf that is proven under a head, with its cell's line. */
export interface Listed {
  readonly leaf: Leaf;
  readonly line: CellLine;
}

/** Check leaf ‖ proof of a device under a checked head. Refuses by `rule`. */
export function checkProof(
  head: Pick<RosterHead, "root" | "epoch" | "latestHistoryFrom">,
  device: DeviceId,
  proof: Uint8Array,
  rule: string,
): Listed {
  const reader = new Reader(proof, rule);
  const leaf = readLeaf(reader);
  const root = climb(leafHash(leaf.bytes), reader);
  const line = readCellLine(reader);
  const top = climb(leafHash(line.bytes), reader);
  reader.end();
  reader.require(leaf.device === device && leaf.cell === line.cell, "proof of another device");
  const listed = equalBytes(root, line.root) && equalBytes(top, head.root);
  reader.require(listed, "device is not listed");
  reader.require(line.rekeyEpoch <= head.epoch, "rekey_epoch is out of range");
  requireLeaf(head, leaf, rule);
  return { leaf, line };
}

/** Refuse a leaf that begins later than its head says of all: it is no leaf. */
export function requireLeaf(
  head: Pick<RosterHead, "latestHistoryFrom">,
  leaf: Leaf,
  rule: string,
): void {
  const begun = leaf.historyFrom <= head.latestHistoryFrom;
  refuseUnless(begun, rule, "leaf begins later than its head");
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
