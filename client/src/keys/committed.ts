/**
 * The shared part of ConversationKey and CellKey: a commitment to a secret, and seals of that
 * secret. A seal is recipient key id (16) ‖ enc ‖ ct (48).
 */
import { concat, equalBytes, type Bytes, compareBytes } from "../octets.ts";
import { KEY_ID_BYTES, sealKeyIdBytes, type SealTarget } from "./device-key.ts";
import { hkdf, tag } from "./format/hashing.ts";
import { ENC_BYTES, SECRET_BYTES, TAG_BYTES, hpkeOpen, hpkeSeal, type Kem } from "./hpke.ts";
import { refuseUnless } from "./format/refused.ts";

/** "key": of a conversation; "cell": of a cell. As the labels say it. */
export type Purpose = "key" | "cell";

export function commitmentOf(purpose: Purpose, secret: Uint8Array, place: Uint8Array): Bytes {
  return hkdf(secret, place, tag(`copconnect ${purpose}-commit v1`));
}

/** The private key that a seal is for. */
export interface SealOpener {
  readonly kem: Kem;
  /** 16 bytes. */
  readonly keyId: Uint8Array;
  readonly privateKey: Uint8Array;
}

interface Committed {
  readonly purpose: Purpose;
  /** Conversation id, or conversation id ‖ cell id. */
  readonly place: Uint8Array;
  readonly commit: Uint8Array;
  /** The hash of the record, signature included. */
  readonly hash: Uint8Array;
}

/** Names the record: another author's record with the same commitment does not open the seal. */
export function sealInfo(what: Committed, keyId: Uint8Array): Bytes {
  return concat(tag(`copconnect ${what.purpose}-seal v1`), what.hash, keyId);
}

export async function sealTo(
  what: Committed,
  secret: Uint8Array,
  target: SealTarget,
): Promise<Bytes> {
  const keyId = sealKeyIdBytes(target);
  const info = sealInfo(what, keyId);
  return concat(keyId, await hpkeSeal(target.kem, target.publicKey, info, secret, "S3"));
}

/** Seals made at a time, so that the worker answers its screens between them. */
const AT_ONCE = 16;

/** Seals to each of these keys, concatenated as they are sent: ascending by key id. */
export async function sealToEach<T extends SealTarget>(
  targets: readonly T[],
  seal: (target: T) => Promise<Bytes>,
): Promise<Bytes> {
  const seals: Bytes[] = [];
  for (let at = 0; at < targets.length; at += AT_ONCE)
    seals.push(...(await Promise.all(targets.slice(at, at + AT_ONCE).map(seal))));
  return concat(...seals.sort(compareBytes));
}

/** The secret in a seal, not yet compared with the commitment. */
export async function unseal(
  what: Committed,
  seal: Uint8Array,
  opener: SealOpener,
  rule: string,
): Promise<Bytes> {
  const size = KEY_ID_BYTES + ENC_BYTES[opener.kem] + SECRET_BYTES + TAG_BYTES;
  refuseUnless(seal.length === size, rule, "seal has the wrong length");
  const addressed = equalBytes(seal.subarray(0, KEY_ID_BYTES), opener.keyId);
  refuseUnless(addressed, rule, "sealed to another key");
  const info = sealInfo(what, opener.keyId);
  return hpkeOpen(opener.kem, opener.privateKey, info, seal.subarray(KEY_ID_BYTES), rule);
}

/** Compares in constant time. */
export function requireCommitted(what: Committed, secret: Uint8Array, rule: string): void {
  const right = equalBytes(commitmentOf(what.purpose, secret, what.place), what.commit);
  refuseUnless(right, rule, "secret is not the record's");
}
