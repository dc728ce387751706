/**
 * A message's body under its key K, and what binds K to the message: key commitment and the HPKE
 * info of each seal. K is 32 random bytes for one message, never used for another. Pure but for
 * WebCrypto's AES-GCM.
 */
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, copy, fromHex, u64, utf8, type Bytes } from "../octets.ts";
import { TAG } from "./format.ts";
import { CellRefused } from "./refused.ts";

export const KEY_BYTES = 32;

/** What of a header the body and the seals are bound to. */
export interface MessagePlace {
  readonly conversationId: string;
  readonly messageId: string;
  readonly sender: string;
  readonly seq: number;
}

function derived(key: Uint8Array, messageId: string, purpose: string): Bytes {
  return copy(expand(sha256, extract(sha256, key, fromHex(messageId)), utf8(purpose), 32));
}

export function keyCommit(key: Uint8Array, messageId: string): Bytes {
  return derived(key, messageId, "CELLS-v1 commit");
}

function bodyCipher(
  place: MessagePlace,
  key: Uint8Array,
  iv: Uint8Array,
  usage: "encrypt" | "decrypt",
): Promise<[AesGcmParams, CryptoKey]> {
  const additionalData = concat(
    TAG.body,
    fromHex(place.conversationId),
    fromHex(place.messageId),
    fromHex(place.sender),
    u64(place.seq),
  );
  return crypto.subtle
    .importKey("raw", derived(key, place.messageId, "CELLS-v1 body"), "AES-GCM", false, [usage])
    .then((imported) => [{ name: "AES-GCM", iv: copy(iv), additionalData }, imported]);
}

export async function encryptBody(
  place: MessagePlace,
  key: Uint8Array,
  iv: Uint8Array,
  plaintext: Uint8Array,
): Promise<Bytes> {
  const cipher = await bodyCipher(place, key, iv, "encrypt");
  return new Uint8Array(await crypto.subtle.encrypt(...cipher, copy(plaintext)));
}

/** Refuses with `body_broken`. */
export async function decryptBody(
  place: MessagePlace,
  key: Uint8Array,
  iv: Uint8Array,
  body: Uint8Array,
): Promise<Bytes> {
  const cipher = await bodyCipher(place, key, iv, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt(...cipher, copy(body)));
  } catch (error) {
    throw new CellRefused("body_broken", "the body does not decrypt", error);
  }
}

/** HPKE info of one cell's seal. */
export function sealInfo(place: Omit<MessagePlace, "seq">, cellId: string, keyId: string): Bytes {
  return concat(
    TAG.seal,
    fromHex(place.conversationId),
    fromHex(place.messageId),
    fromHex(place.sender),
    fromHex(cellId),
    fromHex(keyId),
  );
}
