/** HPKE (RFC 9180) with the KEMs of this client, for MLS and for cell keys. */
import type { AeadInterface } from "@hpke/core";
import { CipherSuite, DhkemX25519HkdfSha256, HkdfSha256, HkdfSha512 } from "@hpke/core";
import { sha256, type sha512 } from "@noble/hashes/sha2.js";
import { immediate } from "./hkdf.ts";
import { XWing } from "./x-wing.ts";

export type Kem = "x25519" | "x-wing";

/** DHKEM(X25519, HKDF-SHA256), its own key derivation done here and now. */
class ImmediateX25519 extends DhkemX25519HkdfSha256 {
  constructor() {
    super();
    immediate(this._kdf);
  }
}

/** `hash` is that of the key schedule's HKDF. */
export function hpkeSuite(
  kem: Kem,
  hash: typeof sha256 | typeof sha512,
  aead: AeadInterface,
): CipherSuite {
  return new CipherSuite({
    kem: kem === "x25519" ? new ImmediateX25519() : new XWing(),
    kdf: immediate(hash === sha256 ? new HkdfSha256() : new HkdfSha512()),
    aead,
  });
}
