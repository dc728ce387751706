/**
 * HKDF (RFC 5869) here and now: a KDF of @hpke/core with its SHA-256 on @noble/hashes.
 *
 * Why not WebCrypto: HPKE's key schedule is a dozen short hashes for each seal, and a thread hop
 * costs more than a hash (a third less time for a message to 247 cells).
 */
import type { KdfInterface } from "@hpke/core";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { copy } from "../octets.ts";

type Input = ArrayBufferLike | ArrayBufferView;

export function view(input: Input): Uint8Array {
  return ArrayBuffer.isView(input)
    ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    : new Uint8Array(input);
}

/** The same KDF object, its hash exchanged. */
export function immediate<Kdf extends KdfInterface>(kdf: Kdf): Kdf {
  kdf.extract = (salt, ikm) => Promise.resolve(copy(extract(sha256, view(ikm), view(salt))).buffer);
  kdf.expand = (prk, info, length) =>
    Promise.resolve(copy(expand(sha256, view(prk), view(info), length)).buffer);
  kdf.extractAndExpand = async (salt, ikm, info, length) =>
    kdf.expand(await kdf.extract(salt, ikm), info, length);
  return kdf;
}
