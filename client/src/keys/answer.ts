/**
 * Sealed answer (KEYS.md section 3): a short answer to an order, for the devices of its issuer and of
 * those whom the order appoints.
 *
 * A fresh secret A is sealed to each of their DeviceKeys; the text is encrypted under a key that is
 * derived from A. Every seal and the key name the order and the answering device, so that an answer
 * opens nowhere else; the commitment to A gives all readers the same text. The Acknowledgement signs
 * the hash of the whole.
 */
import { concat, copy, equalBytes, type Bytes } from "../octets.ts";
import type { SealOpener } from "./committed.ts";
import { KEY_ID_BYTES, sealKeyIdBytes, type SealTarget } from "./device-key.ts";
import { compareBytes } from "./format/compare.ts";
import { Reader, Writer, areAscending, uint } from "./format/fields.ts";
import { hkdf, tag } from "./format/hashing.ts";
import { Refused, refuseUnless } from "./format/refused.ts";
import {
  ENC_BYTES,
  SECRET_BYTES,
  TAG_BYTES,
  hpkeOpen,
  hpkeSeal,
  kemField,
  type Kem,
} from "./hpke.ts";
import { MAX_ANSWER_BYTES } from "../limits.ts";
import { idOf, type SealKeyId } from "../ids.ts";

const VERSION = 1;
/** Devices that an answer is sealed to, at most. */
export const ANSWER_SEALS = 24;
/** UTF-8 bytes of a text, at most. */
export const ANSWER_TEXT_BYTES = 3_070;
/** The length shows in steps of this only. */
const PADDING = 256;
const NONCE = new Uint8Array(12);

/** The order that an answer is for, and the device that answers. */
export interface AnswerPlace {
  readonly conversation: Uint8Array;
  readonly messageId: Uint8Array;
  /** H(header ‖ signature) of the order. */
  readonly headerHash: Uint8Array;
  readonly device: Uint8Array;
}

export interface SealedAnswer {
  readonly kem: Kem;
  readonly commit: Bytes;
  /** Key ids of the DeviceKeys that can open it, ascending. */
  readonly keyIds: readonly SealKeyId[];
  /** enc ‖ ct of each. */
  readonly seals: readonly Bytes[];
  readonly body: Bytes;
}

function placeOf({ conversation, messageId, headerHash, device }: AnswerPlace): Bytes {
  return concat(conversation, messageId, headerHash, device);
}

function sealInfo(place: AnswerPlace, keyId: Uint8Array): Bytes {
  return concat(tag("copconnect answer-seal v1"), placeOf(place), keyId);
}

function commitOf(place: AnswerPlace, secret: Uint8Array): Bytes {
  return hkdf(secret, place.messageId, tag("copconnect answer-commit v1"));
}

async function bodyKey(
  place: AnswerPlace,
  secret: Uint8Array,
  use: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  const info = concat(tag("copconnect answer-body v1"), placeOf(place));
  const raw = hkdf(secret, place.messageId, info);
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
}

function padded(text: string): Bytes {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > ANSWER_TEXT_BYTES) throw new RangeError("the answer is too long");
  const size = Math.ceil((2 + bytes.length) / PADDING) * PADDING;
  return concat(uint(bytes.length, 2), bytes, new Uint8Array(size - 2 - bytes.length));
}

function unpadded(bytes: Uint8Array): string {
  const reader = new Reader(bytes, "O2");
  const text = reader.take(reader.uint(2));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch (error) {
    throw new Refused("O2", "the answer is no text", null, error);
  }
}

/**
 * Seal an answer to checked DeviceKeys of one KEM (S3), at least one. Throws RangeError for too many
 * of them or too long a text. `secret`: 32 random bytes that serve this answer alone.
 */
export async function sealAnswer(
  place: AnswerPlace,
  text: string,
  targets: readonly SealTarget[],
  secret: Uint8Array,
): Promise<Bytes> {
  const [first] = targets;
  if (first === undefined || targets.length > ANSWER_SEALS)
    throw new RangeError("an answer is sealed to 1 to 24 devices");
  const seals: Bytes[] = [];
  for (const target of targets) {
    if (target.kem !== first.kem) throw new RangeError("one KEM for all seals");
    const keyId = sealKeyIdBytes(target);
    const info = sealInfo(place, keyId);
    seals.push(concat(keyId, await hpkeSeal(target.kem, target.publicKey, info, secret, "O2")));
  }
  seals.sort(compareBytes);
  const key = await bodyKey(place, secret, "encrypt");
  const algorithm = { name: "AES-GCM", iv: NONCE };
  const body = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, padded(text)));
  const writer = new Writer().uint(VERSION, 1).uint(first.kem, 2);
  writer.bytes(commitOf(place, secret), 32).uint(seals.length, 1);
  for (const seal of seals) writer.raw(seal);
  return writer.raw(body).done();
}

/** O2: exact parse. */
export function parseAnswer(bytes: Uint8Array): SealedAnswer {
  refuseUnless(bytes.length <= MAX_ANSWER_BYTES, "O2", "the answer is too large");
  const reader = new Reader(bytes, "O2");
  reader.require(reader.uint(1) === VERSION, "unknown version");
  const kem = kemField.read(reader, {});
  const commit = reader.take(32);
  const count = reader.uint(1);
  reader.require(count >= 1 && count <= ANSWER_SEALS, "wrong number of seals");
  const size = ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES;
  const keyIds: Bytes[] = [];
  const seals: Bytes[] = [];
  for (let at = 0; at < count; at++) {
    keyIds.push(reader.take(KEY_ID_BYTES));
    seals.push(reader.take(size));
  }
  reader.require(areAscending(keyIds), "key ids do not ascend");
  const body = copy(bytes.subarray(reader.at));
  const whole = (body.length - TAG_BYTES) % PADDING === 0 && body.length > TAG_BYTES;
  reader.require(whole, "the text is not padded");
  return { kem, commit, keyIds: keyIds.map((id) => idOf<SealKeyId>(id)), seals, body };
}

/** The text of an answer that is sealed to this key. The caller has checked its record (O1). */
export async function openAnswer(
  answer: SealedAnswer,
  place: AnswerPlace,
  opener: SealOpener,
): Promise<string> {
  const at = answer.keyIds.indexOf(idOf<SealKeyId>(opener.keyId));
  const seal = answer.seals[at];
  refuseUnless(seal !== undefined && opener.kem === answer.kem, "O2", "sealed to another key");
  const info = sealInfo(place, opener.keyId);
  const secret = await hpkeOpen(opener.kem, opener.privateKey, info, seal as Bytes, "O2");
  const right = equalBytes(commitOf(place, secret), answer.commit);
  refuseUnless(right, "O2", "the secret is another answer's");
  const key = await bodyKey(place, secret, "decrypt");
  let text: ArrayBuffer;
  try {
    text = await crypto.subtle.decrypt({ name: "AES-GCM", iv: NONCE }, key, answer.body);
  } catch (error) {
    throw new Refused("O2", "the answer does not open", null, error);
  }
  return unpadded(new Uint8Array(text));
}
