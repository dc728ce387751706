/**
 * Primitives for ts-mls: the library's default HPKE, with synchronous HKDF, HMAC and hashes from
 * @noble/hashes and Ed25519 keys imported once.
 *
 * Why: MLS derives thousands of short secrets for one epoch, and each costs WebCrypto several
 * promises and a thread hop (figures in docs/decisions/0002-mls-library.md). Signature keys are
 * raw 32-byte seeds everywhere.
 */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { CiphersuiteImpl } from "ts-mls";
import { defaultCryptoProvider } from "ts-mls";
import { equalBytes } from "../octets.ts";
import { ed25519PublicKey, platformEd25519 } from "../trust/ed25519.ts";

type Provider = typeof defaultCryptoProvider;

function hashNamed(name: string): typeof sha256 | typeof sha512 {
  switch (name) {
    case "SHA-256":
    case "HKDF-SHA256":
      return sha256;
    case "SHA-512":
    case "HKDF-SHA512":
      return sha512;
    default:
      throw new Error(`no hash for ${name}`);
  }
}

export const cryptoProvider: Provider = {
  async getCiphersuiteImpl(suite): Promise<CiphersuiteImpl> {
    if (suite.signature !== "Ed25519") throw new Error(`no signatures for ${suite.signature}`);
    const standard = await defaultCryptoProvider.getCiphersuiteImpl(suite);
    const ed25519 = await platformEd25519();
    const hash = hashNamed(suite.hash);
    const kdfHash = hashNamed(suite.hpke.kdf);
    return {
      ...standard,
      kdf: {
        size: kdfHash.outputLen,
        extract: (salt, ikm) => Promise.resolve(extract(kdfHash, ikm, salt)),
        expand: (prk, info, length) => Promise.resolve(expand(kdfHash, prk, info, length)),
      },
      hash: {
        digest: (data) => Promise.resolve(hash(data)),
        mac: (key, data) => Promise.resolve(hmac(hash, key, data)),
        verifyMac: (key, mac, data) => Promise.resolve(equalBytes(hmac(hash, key, data), mac)),
      },
      signature: {
        sign: (privateKey, message) => ed25519.sign(privateKey, message),
        verify: (publicKey, message, signature) => ed25519.verify(publicKey, message, signature),
        keygen: () => {
          const signKey = standard.rng.randomBytes(32);
          return Promise.resolve({ signKey, publicKey: ed25519PublicKey(signKey) });
        },
      },
    };
  },
};
