/** Seals as they are sent: concatenated, ascending by recipient key id, one for each recipient. */
import { ENC_BYTES, SECRET_BYTES, TAG_BYTES, type Kem } from "../../src/keys/hpke.ts";
import { KEY_ID_BYTES } from "../../src/keys/device-key.ts";
import { idOf, type CellId, type DeviceId, type SealKeyId } from "../../src/ids.ts";
import { Refusal } from "./refusal.ts";

/** By recipient key id, in hex. */
export function splitSeals(seals: Uint8Array, kem: Kem): ReadonlyMap<SealKeyId, Uint8Array> {
  const size = KEY_ID_BYTES + ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES;
  if (seals.length % size !== 0) throw new Refusal("seals_invalid", { reason: "length" });
  const found = new Map<SealKeyId, Uint8Array>();
  let last = "";
  for (let at = 0; at < seals.length; at += size) {
    const seal = seals.slice(at, at + size);
    const keyId = idOf<SealKeyId>(seal.subarray(0, KEY_ID_BYTES));
    if (keyId <= last) throw new Refusal("seals_invalid", { reason: "order" });
    last = keyId;
    found.set(keyId, seal);
  }
  return found;
}

/** A device that seals may be for. */
export interface Recipient {
  readonly device: DeviceId;
  /** Key ids that a seal may name. */
  readonly keyIds: readonly SealKeyId[];
}

/** A cell's key. */
export interface CommonKey {
  readonly keyId: SealKeyId;
  readonly cell: CellId;
  /** Devices that C was sealed to: others ask for it. */
  readonly covered: ReadonlySet<DeviceId>;
}

/**
 * D2 of one cell, and C1: seals for the confirmed devices, except those left out, and for nobody else.
 * Returns the devices that have one.
 */
export function requireDevices(
  seals: ReadonlyMap<SealKeyId, Uint8Array>,
  recipients: readonly Recipient[],
  leftOut: readonly DeviceId[],
): Set<DeviceId> {
  const covered = new Set<DeviceId>();
  const unclaimed = new Set(seals.keys());
  for (const { device, keyIds } of recipients) {
    const own = keyIds.filter((keyId) => unclaimed.delete(keyId));
    if (own.length > 1) throw new Refusal("seals_invalid", { reason: "twice" });
    if (own.length === 1) covered.add(device);
    else if (!leftOut.includes(device))
      throw new Refusal("seals_invalid", { reason: "missing", device });
  }
  if (unclaimed.size > 0) throw new Refusal("seals_invalid", { reason: "stranger" });
  return covered;
}

/** D2 of several cells: seals to usable cell keys, the author's own among them. */
export function requireCells(
  seals: ReadonlyMap<SealKeyId, Uint8Array>,
  usable: readonly CommonKey[],
  own: CellId | undefined,
): Set<DeviceId> {
  const keys = usable.filter(({ keyId }) => seals.has(keyId));
  const cells = new Set(keys.map(({ cell }) => cell));
  if (keys.length < seals.size) throw new Refusal("seals_invalid", { reason: "stranger" });
  if (cells.size < keys.length) throw new Refusal("seals_invalid", { reason: "twice" });
  if (own === undefined || !cells.has(own)) throw new Refusal("seals_invalid", { reason: "own" });
  return new Set(keys.flatMap(({ covered }) => [...covered]));
}
