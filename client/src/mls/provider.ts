/**
 * Primitives for ts-mls: HPKE of our own making (hpke/), synchronous HKDF, HMAC and hashes from
 * @noble/hashes, and Ed25519 keys imported once. What is left of the library's are its AEAD and its
 * random numbers.
 *
 * Why: MLS derives thousands of short secrets for one epoch, and each costs WebCrypto several
 * promises and a thread hop (figures in docs/decisions/0002-mls-library.md). Signature keys are
 * raw 32-byte seeds everywhere.
 */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import type { CiphersuiteImpl, CryptoProvider } from "ts-mls";
import { makeAead } from "ts-mls/crypto/implementation/default/makeAead.js";
import { defaultRng } from "ts-mls/crypto/implementation/default/rng.js";
import { makeGenericHpke } from "ts-mls/crypto/implementation/hpke.js";
import { hpkeSuite, type Kem } from "../hpke/suite.ts";
import { equalBytes } from "../octets.ts";
import { ed25519PublicKey, platformEd25519 } from "../trust/ed25519.ts";

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

function kemNamed(name: string): Kem {
  switch (name) {
    case "DHKEM-X25519-HKDF-SHA256":
      return "x25519";
    case "X-Wing":
      return "x-wing";
    default:
      throw new Error(`no KEM for ${name}`);
  }
}

export const cryptoProvider: CryptoProvider = {
  async getCiphersuiteImpl(suite): Promise<CiphersuiteImpl> {
    if (suite.signature !== "Ed25519") throw new Error(`no signatures for ${suite.signature}`);
    const [aead, hpkeAead] = await makeAead(suite.hpke.aead);
    const ed25519 = await platformEd25519();
    const hash = hashNamed(suite.hash);
    const kdfHash = hashNamed(suite.hpke.kdf);
    const hpke = hpkeSuite(kemNamed(suite.hpke.kem), kdfHash, hpkeAead);
    return {
      name: suite.name,
      rng: defaultRng,
      hpke: await makeGenericHpke(suite.hpke, aead, hpke),
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
          const signKey = defaultRng.randomBytes(32);
          return Promise.resolve({ signKey, publicKey: ed25519PublicKey(signKey) });
        },
      },
    };
  },
};
