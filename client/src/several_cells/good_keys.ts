/**
 * The keys of all cells that were fetched and verified (cell_keys.ts): which are good for seals now,
 * and which of the signed roster's cells a message does not reach with them. No I/O.
 */
import { LONGEST_KEY_AGE_MS, parseRecord, type CellKeyRecord } from "../cells/record.ts";
import type { DeviceContext } from "../context.ts";
import { failure, type CoreFailure } from "../failure.ts";
import type { CellKeysRecord } from "../records.ts";

export type KeysByCell = ReadonlyMap<string, CellKeyRecord>;

const parsed = new WeakMap<CellKeysRecord, KeysByCell>();

/** The verified keys that are held. */
export function keysHeld(record: CellKeysRecord | null): KeysByCell {
  if (record === null) return new Map();
  let keys = parsed.get(record);
  if (keys === undefined) {
    keys = new Map(record.records.map(parseRecord).map((key) => [key.cellId, key]));
    parsed.set(record, keys);
  }
  return keys;
}

/** These are the keys of a record that was just made: they need not be parsed again. */
export function holdKeys(record: CellKeysRecord, keys: KeysByCell): void {
  parsed.set(record, keys);
}

/** The key to seal for a cell with, if it has one that is good now. */
export function keyFor(
  context: Pick<DeviceContext, "serverNow">,
  held: CellKeysRecord,
  cellId: string,
): CellKeyRecord | null {
  const key = keysHeld(held).get(cellId);
  const oldest = context.serverNow() - LONGEST_KEY_AGE_MS;
  const refused = held.refused?.includes(cellId) === true;
  return key === undefined || refused || key.createdMs < oldest ? null : key;
}

/**
 * The keys that a message is sealed with now: of the cells that it needs a seal for, those that have
 * a good one. The others get their seals late. Throws `cell_keys_refused` when there is none at all.
 */
export function keysDue(context: DeviceContext, held: CellKeysRecord): readonly CellKeyRecord[] {
  const keys = held.due.map((cellId) => keyFor(context, held, cellId));
  const good = keys.filter((key) => key !== null);
  if (good.length === 0) throw keysRefused();
  return good;
}

export function keysRefused(): CoreFailure {
  return failure("cell_keys_refused", { retry: true });
}

/** The signed roster's cells that a message with these seals does not reach. */
export function unreachedBy(
  held: CellKeysRecord,
  sealed: readonly Pick<CellKeyRecord, "cellId">[],
): readonly string[] {
  const reached = new Set(sealed.map(({ cellId }) => cellId));
  // A cell that is newer than the list is in the roster too if a key of it was verified.
  const keys = keysHeld(held);
  const newer = held.due.filter((cellId) => keys.has(cellId));
  const all = new Set([...(held.named?.cells ?? []), ...newer]);
  return [...all].filter((cellId) => !reached.has(cellId));
}
