/**
 * HKDF (RFC 5869) here and now: a KDF of @hpke/core with its two hashes on @noble/hashes.
 *
 * Why not WebCrypto: HPKE's key schedule is a dozen short hashes for each seal, and a thread hop
 * costs more than a hash (a third less time for a message to 247 cells).
 */
import type { KdfInterface } from "@hpke/core";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { copy, equalBytes } from "../octets.ts";

type Input = ArrayBufferLike | ArrayBufferView;

export function view(input: Input): Uint8Array {
  return ArrayBuffer.isView(input)
    ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    : new Uint8Array(input);
}

type Hash = typeof sha256 | typeof sha512;
type Extract = (salt: Uint8Array, ikm: Uint8Array) => Uint8Array;

const LONG_BYTES = 4096;

/**
 * Extract, with the last long input remembered. A Welcome seals to each new member with the whole
 * encrypted group info as HPKE's info (RFC 9420 section 12.4.3.1), hundreds of KB whose hash is the
 * same for all: a quarter of what founding a cell of 256 took. Only what is hashed without a
 * salt, as info is; secrets are short or salts.
 */
function remembering(hash: Hash): Extract {
  let last: { readonly ikm: Uint8Array; readonly prk: Uint8Array } | null = null;
  return (salt, ikm) => {
    if (salt.length > 0 || ikm.length < LONG_BYTES) return extract(hash, ikm, salt);
    if (last === null || !equalBytes(last.ikm, ikm))
      last = { ikm: copy(ikm), prk: extract(hash, ikm, salt) };
    return last.prk;
  };
}

/** The same KDF object, its hashes exchanged. */
export function immediate<Kdf extends KdfInterface>(kdf: Kdf): Kdf {
  const hash = kdf.hashSize === sha512.outputLen ? sha512 : sha256;
  const extracted = remembering(hash);
  kdf.extract = (salt, ikm) => Promise.resolve(copy(extracted(view(salt), view(ikm))).buffer);
  kdf.expand = (prk, info, length) =>
    Promise.resolve(copy(expand(hash, view(prk), view(info), length)).buffer);
  kdf.extractAndExpand = async (salt, ikm, info, length) =>
    kdf.expand(await kdf.extract(salt, ikm), info, length);
  return kdf;
}
