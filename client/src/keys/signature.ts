/**
 * Ed25519 as KEYS.md section 2 says: RFC 8032, cofactorless, canonical encodings only.
 *
 * WebCrypto verifies cofactorless. @noble/curves, the fallback, multiplies by the cofactor, so with
 * it R is checked for a component of small order as well: with public keys of prime order (see
 * {@link requireSigningKey}) that makes both verifiers agree.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import type { Bytes } from "../octets.ts";
import { copy } from "../octets.ts";
import { nobleEd25519, platformEd25519, type Ed25519 } from "../trust/ed25519.ts";
import { Refused } from "./refused.ts";

export const SIGNATURE_BYTES = 64;

export async function verifySignature(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  platform?: Ed25519,
): Promise<boolean> {
  const verifier = platform ?? (await platformEd25519());
  if (!(await verifier.verify(publicKey, message, signature))) return false;
  return verifier !== nobleEd25519 || hasPrimeOrder(signature.subarray(0, 32), true);
}

export async function sign(privateKey: Uint8Array, message: Uint8Array): Promise<Bytes> {
  return copy(await (await platformEd25519()).sign(privateKey, message));
}

/**
 * Refuse a public key that is not a canonical point of prime order: with one of small or mixed
 * order, verifiers disagree about signatures.
 */
export function requireSigningKey(publicKey: Uint8Array, rule: string): void {
  if (!hasPrimeOrder(publicKey, false))
    throw new Refused(rule, "signature key is no canonical point of prime order");
}

function hasPrimeOrder(encoded: Uint8Array, neutral: boolean): boolean {
  try {
    const point = ed25519.Point.fromBytes(copy(encoded), false);
    return point.isTorsionFree() && (neutral || !point.is0());
  } catch {
    return false;
  }
}
