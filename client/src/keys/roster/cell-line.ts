/** Cell line (docs/keys.md): how many devices a cell has, and the root over its leaves. */
import type { Bytes } from "../../octets.ts";
import type { Reader } from "../format/fields.ts";
import { idOf, type CellId } from "../../ids.ts";
import { CELL_SIZE } from "../../limits.ts";

export interface CellLine {
  readonly cell: CellId;
  readonly devices: number;
  /** Cell keys of earlier epochs are not usable. */
  readonly rekeyEpoch: number;
  readonly root: Bytes;
  /** As the tree hashes it. */
  readonly bytes: Bytes;
}

export function readCellLine(reader: Reader): CellLine {
  const start = reader.at;
  const cell = idOf<CellId>(reader.take(16));
  const devices = reader.uint(2);
  const rekeyEpoch = reader.uint(8);
  const root = reader.take(32);
  reader.require(devices >= 1 && devices <= CELL_SIZE, "number of devices is out of range");
  return { cell, devices, rekeyEpoch, root, bytes: reader.slice(start, reader.at) };
}
