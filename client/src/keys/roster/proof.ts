/** That a device is listed: leaf ‖ path in its cell ‖ cell line ‖ path of the line, under a head. */
import { equalBytes } from "../../octets.ts";
import { Reader } from "../format/fields.ts";
import type { DeviceId } from "../../ids.ts";
import { climb, leafHash } from "../format/merkle.ts";
import { readCellLine, type CellLine } from "./cell-line.ts";
import { refuseUnless } from "../format/refused.ts";
import type { RosterHead } from "./head.ts";
import { readLeaf, type Leaf } from "./leaf.ts";

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
