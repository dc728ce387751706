/**
 * The six digits that two people compare before an endorsement (E3). The endorser commits to `a`
 * before it sees `b`, so neither side can choose the digits.
 */
import { concat, equalBytes, type Bytes } from "../../octets.ts";
import { hash, hkdf, tag } from "../format/hashing.ts";
import { refuseUnless } from "../format/refused.ts";

const LABEL = tag("copconnect sas v1");
export const SAS_SECRET_BYTES = 16;

export interface Comparison {
  /** The commitment that the endorser sent first. */
  readonly commitment: Uint8Array;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly endorser: Uint8Array;
  readonly endorsed: Uint8Array;
  /** The offline root's raw public key. */
  readonly rootKey: Uint8Array;
}

/**
 * The code that the new device shows for the endorser's camera, in bytes: endorser ‖ new device ‖
 * H(root public key). It needs no halves: the endorser compares it with what it expects.
 */
export function devicesCode(
  endorser: Uint8Array,
  endorsed: Uint8Array,
  rootKey: Uint8Array,
): Bytes {
  return concat(endorser, endorsed, hash(rootKey));
}

/** c = H(T("copconnect sas v1") ‖ a ‖ the endorser's device). */
export function digitsCommitment(a: Uint8Array, endorser: Uint8Array): Bytes {
  return hash(LABEL, a, endorser);
}

/** Refuses an `a` that the endorser did not commit to. */
export function comparedDigits(comparison: Comparison): string {
  const { commitment, a, b, endorser, endorsed, rootKey } = comparison;
  const sized = a.length === SAS_SECRET_BYTES && b.length === SAS_SECRET_BYTES;
  refuseUnless(sized, "E3", "secret has the wrong length");
  const committed = equalBytes(commitment, digitsCommitment(a, endorser));
  refuseUnless(committed, "E3", "not what was committed to");
  const info = concat(LABEL, devicesCode(endorser, endorsed, rootKey));
  const okm = hkdf(concat(a, b), new Uint8Array(), info);
  const number = new DataView(okm.buffer, okm.byteOffset).getBigUint64(0) % 1_000_000n;
  return number.toString().padStart(6, "0");
}
