/** HPKE (RFC 9180) with HKDF-SHA256 and AES-256-GCM, for the KEMs of this client. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { immediate } from "./hkdf.ts";
import { XWing } from "./x-wing.ts";

export type KemName = "x25519" | "x-wing";

/** DHKEM(X25519, HKDF-SHA256), its own key derivation done here and now. */
class ImmediateX25519 extends DhkemX25519HkdfSha256 {
  constructor() {
    super();
    immediate(this._kdf);
  }
}

export function hpkeSuite(kem: KemName): CipherSuite {
  return new CipherSuite({
    kem: kem === "x25519" ? new ImmediateX25519() : new XWing(),
    kdf: immediate(new HkdfSha256()),
    aead: new Aes256Gcm(),
  });
}
