/**
 * X25519 by WebCrypto, for the KEMs whose library brings one in JavaScript: a tenth of its time.
 * Platforms without it (before 2024 or so) throw NotSupportedError; see {@link lacksX25519}.
 */
import { concat, copy, fromHex } from "../octets.ts";

/** DER of a PKCS #8 PrivateKeyInfo for X25519 up to the 32-byte key (RFC 8410 section 7). */
const PKCS8_PREFIX = fromHex("302e020100300506032b656e04220420");

/** A key is multiplied more than once, and importing it costs as much as that. */
const imported = new WeakMap<Uint8Array, Promise<CryptoKey>>();

function importPrivate(bytes: Uint8Array): Promise<CryptoKey> {
  let key = imported.get(bytes);
  if (key === undefined) {
    const pkcs8 = concat(PKCS8_PREFIX, bytes);
    key = crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
    imported.set(bytes, key);
  }
  return key;
}

/** The shared secret of a private key and a public one. */
export async function x25519(
  secret: Uint8Array | CryptoKey,
  point: Uint8Array,
): Promise<Uint8Array> {
  const key = secret instanceof CryptoKey ? secret : await importPrivate(secret);
  const other = await crypto.subtle.importKey("raw", copy(point), "X25519", false, []);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "X25519", public: other }, key, 256),
  );
}

/** A fresh key pair, the public key as 32 bytes. */
export async function ephemeralX25519(): Promise<{
  readonly privateKey: CryptoKey;
  readonly publicKey: Uint8Array;
}> {
  const pair = (await crypto.subtle.generateKey("X25519", false, ["deriveBits"])) as CryptoKeyPair;
  const raw = await crypto.subtle.exportKey("raw", pair.publicKey);
  return { privateKey: pair.privateKey, publicKey: new Uint8Array(raw) };
}

export function lacksX25519(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotSupportedError";
}
