/**
 * Ed25519 (RFC 8032): WebCrypto where it has it, @noble/curves where it does not (Chromium before
 * 137, so an Android WebView that was not updated). Both are checked against the same tests.
 *
 * Private keys are raw 32-byte seeds, public keys raw 32 bytes. Imported keys are cached by value,
 * because importing costs as much as verifying; the cache is bounded. A malformed key or signature
 * is a failed verification, never an exception.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { fromHex, toHex, type Bytes } from "../../octets.ts";

export interface Ed25519 {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean>;
  sign(privateKey: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
}

const CACHED_KEYS = 2048;

/** WebCrypto's types ask for a plain ArrayBuffer underneath; ours always have one. */
function overArrayBuffer(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Bytes) : new Uint8Array(bytes);
}

/** DER of a PKCS #8 PrivateKeyInfo for Ed25519 up to the 32-byte seed (RFC 8410 section 7). */
const PKCS8_PREFIX = Uint8Array.from([
  0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
]);

export const nobleEd25519: Ed25519 = {
  verify(publicKey, message, signature) {
    try {
      // zip215 off: refuse the encodings that WebCrypto refuses.
      return Promise.resolve(ed25519.verify(signature, message, publicKey, { zip215: false }));
    } catch {
      return Promise.resolve(false);
    }
  },
  sign(privateKey, message) {
    return Promise.resolve(ed25519.sign(message, privateKey));
  },
};

export function webCryptoEd25519(subtle: SubtleCrypto): Ed25519 {
  const publicKeys = new Map<string, Promise<CryptoKey>>();
  const privateKeys = new Map<string, Promise<CryptoKey>>();

  function cached(
    cache: Map<string, Promise<CryptoKey>>,
    raw: Uint8Array,
    load: () => Promise<CryptoKey>,
  ): Promise<CryptoKey> {
    const name = toHex(raw);
    const known = cache.get(name);
    if (known !== undefined) return known;
    if (cache.size >= CACHED_KEYS) cache.clear();
    const key = load();
    cache.set(name, key);
    key.catch(() => cache.delete(name));
    return key;
  }

  return {
    async verify(publicKey, message, signature) {
      if (publicKey.length !== 32 || signature.length !== 64) return false;
      try {
        const key = await cached(publicKeys, publicKey, () =>
          subtle.importKey("raw", overArrayBuffer(publicKey), "Ed25519", false, ["verify"]),
        );
        return await subtle.verify(
          "Ed25519",
          key,
          overArrayBuffer(signature),
          overArrayBuffer(message),
        );
      } catch {
        return false;
      }
    },
    async sign(privateKey, message) {
      const key = await cached(privateKeys, privateKey, () => {
        const pkcs8 = new Uint8Array(PKCS8_PREFIX.length + 32);
        pkcs8.set(PKCS8_PREFIX);
        pkcs8.set(privateKey, PKCS8_PREFIX.length);
        return subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
      });
      return new Uint8Array(await subtle.sign("Ed25519", key, overArrayBuffer(message)));
    },
  };
}

/** A key pair to find out with whether WebCrypto works. Deriving the public key takes @noble/curves 64 ms the first time. */
const PROBE = {
  privateKey: new Uint8Array(32).fill(7),
  publicKey: fromHex("ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c"),
};

let chosen: Promise<Ed25519> | undefined;

/** The implementation this machine has, found out once by a signature it must verify. */
export function platformEd25519(): Promise<Ed25519> {
  chosen ??= choose(globalThis.crypto.subtle as SubtleCrypto | undefined);
  return chosen;
}

export async function choose(subtle: SubtleCrypto | undefined): Promise<Ed25519> {
  if (subtle === undefined) return nobleEd25519;
  const candidate = webCryptoEd25519(subtle);
  const message = Uint8Array.of(1, 2, 3);
  try {
    const signature = await candidate.sign(PROBE.privateKey, message);
    const works = await candidate.verify(PROBE.publicKey, message, signature);
    return works ? candidate : nobleEd25519;
  } catch {
    return nobleEd25519;
  }
}

export function ed25519PublicKey(privateKey: Uint8Array): Uint8Array {
  return ed25519.getPublicKey(privateKey);
}
