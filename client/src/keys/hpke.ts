/**
 * HPKE (RFC 9180) as docs/keys.md says: base mode, HKDF-SHA256, AES-256-GCM, empty AAD, with
 * X25519 or X-Wing. Private keys are 32 bytes: X25519's private key, or X-Wing's decapsulation key.
 */
import type { CipherSuite } from "@hpke/core";
import { x25519 } from "@noble/curves/ed25519.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { kems } from "../hpke/loading.ts";
import { concat, copy, fromHex, utf8, type Bytes } from "../octets.ts";
import { uint, type Reader, type Writer } from "./format/fields.ts";
import type { Field } from "./format/record.ts";
import { Refused, refuseUnless } from "./format/refused.ts";

/** KEM identifiers (RFC 9180 section 7.1; draft-connolly-cfrg-xwing-kem). */
export const X25519 = 0x0020;
export const XWING = 0x647a;
export type Kem = typeof X25519 | typeof XWING;

export const PUBLIC_KEY_BYTES: Readonly<Record<Kem, number>> = { [X25519]: 32, [XWING]: 1216 };
export const ENC_BYTES: Readonly<Record<Kem, number>> = { [X25519]: 32, [XWING]: 1120 };
export const SECRET_BYTES = 32;
export const TAG_BYTES = 16;

export function isKem(value: unknown): value is Kem {
  return value === X25519 || value === XWING;
}

/** A known KEM (2). */
export const kemField: Field<Kem> = {
  read(reader: Reader) {
    const kem = reader.uint(2);
    if (!isKem(kem)) throw new Refused(reader.rule, "unknown KEM");
    return kem;
  },
  write: (writer: Writer, value) => writer.uint(value, 2),
};

/** A length (2) and a public key, as long as the record's KEM says. */
export const publicKeyField: Field<Uint8Array> = {
  read(reader, before) {
    const kem = before["kem"];
    const size = isKem(kem) ? PUBLIC_KEY_BYTES[kem] : 0;
    refuseUnless(reader.uint(2) === size, reader.rule, "public key has the wrong length");
    return reader.take(size);
  },
  write: (writer, value) => writer.uint(value.length, 2).raw(value),
};

async function suiteOf(kem: Kem): Promise<CipherSuite> {
  const { withX25519, withXWing } = await kems();
  return kem === X25519 ? withX25519 : withXWing;
}

export async function publicKeyOf(kem: Kem, privateKey: Uint8Array): Promise<Bytes> {
  if (kem === X25519) return copy(x25519.getPublicKey(privateKey));
  const { xWing } = await kems();
  const { publicKey } = await xWing.generateKeyPairDerand(copy(privateKey));
  return new Uint8Array(await xWing.serializePublicKey(publicKey));
}

/**
 * The private key of 32 random bytes, a cell's C: X25519's DeriveKeyPair (RFC 9180 section 7.1.3);
 * X-Wing's decapsulation key is C itself (the library's `deriveKeyPair` would hash it first).
 */
export function privateKeyFrom(kem: Kem, secret: Uint8Array): Bytes {
  if (kem === XWING) return copy(secret);
  const suite = concat(utf8("HPKE-v1KEM"), uint(kem, 2));
  const prk = extract(sha256, concat(suite, utf8("dkp_prk"), secret), new Uint8Array());
  return copy(expand(sha256, prk, concat(uint(32, 2), suite, utf8("sk")), 32));
}

/**
 * u-coordinates, little-endian, of all points of small order on X25519's curve and its twist: with
 * these the shared secret is zero, whatever the private key.
 */
const SMALL_ORDER: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  2n ** 255n - 20n,
  little(fromHex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
  little(fromHex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157")),
]);
const FIELD = 2n ** 255n - 19n;
const MLKEM_MODULUS = 3329;
const MLKEM_COEFFICIENT_BYTES = 1152;

function little(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

/**
 * Refuse a public key that is not valid for its KEM: a wrong length, a point of small order
 * (X-Wing's too), or an ML-KEM coefficient from 3329 on (FIPS 203 section 7.2).
 */
export function requirePublicKey(kem: Kem, publicKey: Uint8Array, rule: string): void {
  const right = publicKey.length === PUBLIC_KEY_BYTES[kem];
  refuseUnless(right, rule, "public key has the wrong length");
  const point = little(publicKey.subarray(-32)) % 2n ** 255n;
  refuseUnless(!SMALL_ORDER.has(point % FIELD), rule, "public key is a point of small order");
  if (kem === X25519) return;
  for (let at = 0; at < MLKEM_COEFFICIENT_BYTES; at += 3) {
    const [a, b, c] = publicKey.subarray(at, at + 3) as unknown as [number, number, number];
    const right = (a | ((b & 15) << 8)) < MLKEM_MODULUS && ((b >> 4) | (c << 4)) < MLKEM_MODULUS;
    refuseUnless(right, rule, "public key has a coefficient out of range");
  }
}

/** enc ‖ ct. Refuses an invalid public key by `rule`. */
export async function hpkeSeal(
  kem: Kem,
  publicKey: Uint8Array,
  info: Uint8Array,
  plaintext: Uint8Array,
  rule: string,
): Promise<Bytes> {
  requirePublicKey(kem, publicKey, rule);
  const suite = await suiteOf(kem);
  const recipientPublicKey = await suite.kem.importKey("raw", copy(publicKey).buffer, true);
  const { enc, ct } = await suite.seal({ recipientPublicKey, info }, plaintext);
  return concat(new Uint8Array(enc), new Uint8Array(ct));
}

/** The plaintext of enc ‖ ct. `rule` refuses a ciphertext that does not open. */
export async function hpkeOpen(
  kem: Kem,
  privateKey: Uint8Array,
  info: Uint8Array,
  sealed: Uint8Array,
  rule: string,
): Promise<Bytes> {
  const suite = await suiteOf(kem);
  const split = ENC_BYTES[kem];
  refuseUnless(sealed.length >= split + TAG_BYTES, rule, "seal is truncated");
  try {
    const recipientKey = await suite.kem.importKey("raw", copy(privateKey).buffer, false);
    const enc = copy(sealed.subarray(0, split));
    return new Uint8Array(await suite.open({ recipientKey, enc, info }, sealed.subarray(split)));
  } catch (error) {
    throw new Refused(rule, "the seal does not open", null, error);
  }
}
