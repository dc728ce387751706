/**
 * Ed25519 as docs/keys.md says: RFC 8032, cofactorless, canonical encodings only.
 *
 * WebCrypto verifies cofactorless. @noble/curves, the fallback, multiplies by the cofactor, so with
 * it R and the public key are checked for a component of small order as well: then both agree.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { copy, toHex, type Bytes } from "../../octets.ts";
import { nobleEd25519, platformEd25519, type Ed25519 } from "./ed25519.ts";
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
  if (verifier !== nobleEd25519) return true;
  return hasPrimeOrder(signature.subarray(0, 32), true) && isSigningKey(publicKey);
}

export async function sign(privateKey: Uint8Array, message: Uint8Array): Promise<Bytes> {
  return copy(await (await platformEd25519()).sign(privateKey, message));
}

/**
 * Refuse a public key that is not a canonical point of prime order: with one of small or mixed
 * order, verifiers disagree about signatures. The CA and the server refuse such keys (D3); a device
 * asks before it endorses one. Takes milliseconds, once for each key.
 */
export function requireSigningKey(publicKey: Uint8Array, rule: string): void {
  if (!isSigningKey(publicKey))
    throw new Refused(rule, "signature key is no canonical point of prime order");
}

/** Refuse what is no canonical point, or one of small order. Quick: for every certificate. */
export function requireKeyPoint(publicKey: Uint8Array, rule: string): void {
  const point = pointOf(publicKey);
  if (point === null || point.isSmallOrder())
    throw new Refused(rule, "signature key is no canonical point, or one of small order");
}

const CACHED_KEYS = 4096;
const signingKeys = new Set<string>();

function isSigningKey(publicKey: Uint8Array): boolean {
  const name = toHex(publicKey);
  if (signingKeys.has(name)) return true;
  if (!hasPrimeOrder(publicKey, false)) return false;
  if (signingKeys.size >= CACHED_KEYS) signingKeys.clear();
  signingKeys.add(name);
  return true;
}

function hasPrimeOrder(encoded: Uint8Array, neutral: boolean): boolean {
  const point = pointOf(encoded);
  return point !== null && point.isTorsionFree() && (neutral || !point.is0());
}

function pointOf(encoded: Uint8Array): InstanceType<typeof ed25519.Point> | null {
  try {
    return ed25519.Point.fromBytes(copy(encoded), false);
  } catch {
    return null;
  }
}
