/** HPKE with AES-256-GCM and HKDF-SHA256 for both KEMs, and X-Wing alone: fetched by loading.ts. */
import { Aes256Gcm } from "@hpke/core";
import { sha256 } from "@noble/hashes/sha2.js";
import { hpkeSuite } from "./suite.ts";
import { XWing } from "./x-wing.ts";

export const withX25519 = hpkeSuite("x25519", sha256, new Aes256Gcm());
export const withXWing = hpkeSuite("x-wing", sha256, new Aes256Gcm());
export const xWing = new XWing();
