/** Roster leaf (docs/keys.md): one device of a conversation, from when it reads, its rights. */
import type { Bytes } from "../../octets.ts";
import type { Reader } from "../format/fields.ts";
import { idOf, type CellId, type DeviceId, type PersonId } from "../../ids.ts";

export const MAY_SEND = 1;
export const MAY_ADMINISTER = 2;
/** By the priority of an order. */
export const MAY_ISSUE = { routine: 4, urgent: 8, flash: 16 } as const;
/** Bytes of a leaf. */
export const LEAF_BYTES = 74;

export interface Leaf {
  readonly cell: CellId;
  readonly person: PersonId;
  readonly device: DeviceId;
  readonly historyFrom: number;
  /** Bits, also bits that this version does not know. */
  readonly rights: number;
  /** As the tree hashes it. */
  readonly bytes: Bytes;
}

export function readLeaf(reader: Reader): Leaf {
  const start = reader.at;
  const cell = idOf<CellId>(reader.take(16));
  const person = idOf<PersonId>(reader.take(16));
  const device = idOf<DeviceId>(reader.take(32));
  const historyFrom = reader.uint(8);
  const rights = reader.uint(2);
  return { cell, person, device, historyFrom, rights, bytes: reader.slice(start, reader.at) };
}

export function maySend(leaf: Leaf): boolean {
  return (leaf.rights & MAY_SEND) !== 0;
}

export function mayAdminister(leaf: Pick<Leaf, "rights">): boolean {
  return (leaf.rights & MAY_ADMINISTER) !== 0;
}

export function mayIssue(leaf: Pick<Leaf, "rights">, priority: keyof typeof MAY_ISSUE): boolean {
  return (leaf.rights & MAY_ISSUE[priority]) !== 0;
}
