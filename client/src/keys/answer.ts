/**
 * Sealed answer (O2): a short answer to an order, for the devices of its issuer and of the people whom the
 * order appoints. Seals and key name the order and the person who answers, so that an answer opens nowhere else. The Acknowledgement signs the hash of the whole. A photo that an order asks
 * for is sealed in the same way: its content points to the attachment.
 */
import { concat, utf8, type Bytes } from "../octets.ts";
import { MAX_ANSWER_BYTES } from "../limits.ts";
import type { SealOpener } from "./committed.ts";
import type { SealTarget } from "./device-key.ts";
import { Refused } from "./format/refused.ts";
import {
  openEnvelope,
  parseEnvelope,
  sealEnvelope,
  type EnvelopeKind,
  type EnvelopePlace,
  type SealedEnvelope,
} from "./sealed-envelope.ts";

/** Devices that an answer is sealed to, at most. */
export const ANSWER_SEALS = 24;
/** UTF-8 bytes of a text, at most. */
export const ANSWER_TEXT_BYTES = 3_070;

const ANSWER: EnvelopeKind = {
  name: "answer",
  rule: "O2",
  mostSeals: ANSWER_SEALS,
  mostBytes: MAX_ANSWER_BYTES,
  lengthBytes: 2,
  mostContent: ANSWER_TEXT_BYTES,
  padding: 256,
};

const PHOTO: EnvelopeKind = { ...ANSWER, name: "photo" };

/** The order that an answer is for, and the person who answers. */
export interface AnswerPlace {
  readonly conversation: Uint8Array;
  readonly messageId: Uint8Array;
  /** H(header ‖ signature) of the order. */
  readonly headerHash: Uint8Array;
  readonly person: Uint8Array;
}

function placeOf({ conversation, messageId, headerHash, person }: AnswerPlace): EnvelopePlace {
  return { salt: messageId, bytes: concat(conversation, messageId, headerHash, person) };
}

/** Seal an answer to checked DeviceKeys. Throws RangeError for too many or too long a text. */
export function sealAnswer(
  place: AnswerPlace,
  text: string,
  targets: readonly SealTarget[],
  secret: Uint8Array,
): Promise<Bytes> {
  return sealEnvelope(ANSWER, placeOf(place), utf8(text), targets, secret);
}

/** The same for the pointer to a photo. */
export function sealPhoto(
  place: AnswerPlace,
  pointer: Uint8Array,
  targets: readonly SealTarget[],
  secret: Uint8Array,
): Promise<Bytes> {
  return sealEnvelope(PHOTO, placeOf(place), pointer, targets, secret);
}

/** O2: exact parse. */
export function parseAnswer(bytes: Uint8Array): SealedEnvelope {
  return parseEnvelope(ANSWER, bytes);
}

/** The text of an answer that is sealed to this key. The caller has checked its record (O1). */
export async function openAnswer(
  answer: SealedEnvelope,
  place: AnswerPlace,
  opener: SealOpener,
): Promise<string> {
  const content = await openEnvelope(ANSWER, answer, placeOf(place), opener);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch (error) {
    throw new Refused("O2", "the answer is no text", null, error);
  }
}

export function parsePhoto(bytes: Uint8Array): SealedEnvelope {
  return parseEnvelope(PHOTO, bytes);
}

/** The pointer to the photo that is sealed to this key. The caller has checked its record (O1). */
export function openPhoto(
  photo: SealedEnvelope,
  place: AnswerPlace,
  opener: SealOpener,
): Promise<Bytes> {
  return openEnvelope(PHOTO, photo, placeOf(place), opener);
}
