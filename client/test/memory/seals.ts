/**
 * Seals as they are posted: concatenated, ascending by recipient key id, one for each recipient. D2
 * and C1 ask the same: seals for the confirmed devices, except those left out, and for nobody else.
 */
import { ENC_BYTES, SECRET_BYTES, TAG_BYTES, type Kem } from "../../src/keys/hpke.ts";
import { KEY_ID_BYTES } from "../../src/keys/device-key.ts";
import { idOf } from "../../src/ids.ts";
import type { CellId, DeviceId, SealKeyId } from "../../src/ids.ts";
import { DIRECT_SEALS } from "../../src/wire.ts";
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
  readonly cell: CellId;
  /** Key ids that a direct seal may name. */
  readonly keyIds: readonly SealKeyId[];
}

/** A cell's key, which reaches all devices of the cell: those that it does not cover ask for C. */
export interface CommonKey {
  readonly keyId: SealKeyId;
  readonly cell: CellId;
  /** Devices that C was sealed to. */
  readonly covered: ReadonlySet<DeviceId>;
}

/** Check who is sealed to; return the devices that can open a seal of their own or of their cell. */
export function requireCovered(
  seals: ReadonlyMap<SealKeyId, Uint8Array>,
  recipients: readonly Recipient[],
  common: readonly CommonKey[],
  leftOut: readonly DeviceId[],
): ReadonlySet<DeviceId> {
  const covered = new Set<DeviceId>();
  const unclaimed = new Set(seals.keys());
  const cells = new Set<CellId>();
  for (const key of common) {
    if (!unclaimed.delete(key.keyId)) continue;
    if (cells.has(key.cell)) throw new Refusal("seals_invalid", { reason: "twice" });
    cells.add(key.cell);
    key.covered.forEach((one) => covered.add(one));
  }
  let direct = 0;
  const missing: DeviceId[] = [];
  for (const { device, cell, keyIds } of recipients) {
    const own = keyIds.filter((keyId) => unclaimed.delete(keyId));
    if (own.length > 1) throw new Refusal("seals_invalid", { reason: "twice" });
    direct += own.length;
    if (own.length === 1) covered.add(device);
    else if (!cells.has(cell) && !leftOut.includes(device)) missing.push(device);
  }
  if (unclaimed.size > 0) throw new Refusal("seals_invalid", { reason: "stranger" });
  if (direct > DIRECT_SEALS) throw new Refusal("seals_invalid", { reason: "too many" });
  const [device] = missing;
  if (device !== undefined) throw new Refusal("seals_invalid", { reason: "missing", device });
  const devices = new Set(recipients.map((one) => one.device));
  return new Set([...covered].filter((one) => devices.has(one)));
}
