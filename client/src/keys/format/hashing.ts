/** docs/keys.md: T(s), H and HKDF. Pure and immediate: short inputs never hop to WebCrypto. */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8, type Bytes } from "../../octets.ts";

export const ZEROS: Bytes = new Uint8Array(32);

/** T(s) of docs/keys.md: ASCII and a zero byte. */
export function tag(text: string): Bytes {
  return utf8(`${text}\0`);
}

/** H of docs/keys.md, over the parts joined. */
export function hash(...parts: readonly Uint8Array[]): Bytes {
  const state = sha256.create();
  for (const part of parts) state.update(part);
  return state.digest() as Bytes;
}

/** HKDF-SHA256 (RFC 5869), 32 bytes out. */
export function hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array): Bytes {
  return expand(sha256, extract(sha256, secret, salt), info, 32) as Bytes;
}
