/**
 * DeviceKey (docs/keys.md): the HPKE public key of a device, signed by it and renewed weekly.
 *
 * Invariant for senders: generations never go back (S3); the caller keeps the newest key it has seen
 * of each device and passes it as `former`.
 */
import { equalBytes, type Bytes } from "../octets.ts";
import type { Certificate } from "./trust/device-certificate.ts";
import { hash } from "./format/hashing.ts";
import { kemField, publicKeyField, requirePublicKey, type Kem } from "./hpke.ts";
import { idOf, type SealKeyId } from "../ids.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "./format/record.ts";
import { refuseUnless } from "./format/refused.ts";
import { isYoung } from "./format/times.ts";
import { DEVICE_KEY_AGE_MS } from "../limits.ts";

export const KEY_ID_BYTES = 16;

export const DeviceKeyFormat = new RecordFormat(
  { label: "copconnect device-key v1", rule: "H2", version: 1 },
  {
    kem: kemField,
    device: bytes(32),
    generation: integer(8),
    created: integer(8),
    publicKey: publicKeyField,
  },
);
export type DeviceKey = RecordOf<typeof DeviceKeyFormat>;

/** A key that a secret can be sealed to. */
export interface SealTarget {
  readonly kem: Kem;
  readonly publicKey: Uint8Array;
  /** All bytes before the signature. */
  readonly unsigned: Uint8Array;
}

/** First 16 bytes of H(all before the signature), of a DeviceKey or CellKey. */
export function sealKeyIdBytes(target: SealTarget): Bytes {
  return hash(target.unsigned).subarray(0, KEY_ID_BYTES);
}

export function sealKeyId(target: SealTarget): SealKeyId {
  return idOf(sealKeyIdBytes(target));
}

/**
 * Check what a sender or holder must know before it seals to this key (H2, S3). One generation has
 * one record.
 */
export async function checkDeviceKey(
  key: DeviceKey,
  owner: Certificate,
  kem: Kem,
  nowMs: number,
  former: DeviceKey | null = null,
): Promise<void> {
  const own = equalBytes(key.device, owner.deviceBytes) && key.kem === kem;
  refuseUnless(own, "H2", "another device's key, or of another KEM");
  await DeviceKeyFormat.verify(key, owner.publicKey);
  requirePublicKey(key.kem, key.publicKey, "H2");
  if (former !== null && !equalBytes(key.bytes, former.bytes))
    refuseUnless(key.generation > former.generation, "S3", "generation goes back");
  refuseUnless(isYoung(key.created, nowMs, DEVICE_KEY_AGE_MS), "S3", "older than 14 days");
}
