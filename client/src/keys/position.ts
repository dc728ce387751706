/**
 * A live position (docs/keys.md, "Live positions"): where a device is, signed by it and encrypted under
 * the conversation key that serves now. A removal makes the next key, so a removed device opens no
 * later position even with the server's help.
 *
 * Plaintext (28): latitude and longitude from -90° and -180°, in 1e-7° (8 each) · accuracy in dm (4;
 * all ones: unknown) · taken (8). The nonce is random; k serves one share of one device.
 */
import { concat, copy, equalBytes, randomBytes, type Bytes } from "../octets.ts";
import { Reader, Writer } from "./format/fields.ts";
import { hkdf, tag } from "./format/hashing.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "./format/record.ts";
import { Refused } from "./format/refused.ts";

const RULE = "L1";
const CIPHERTEXT_BYTES = 44;
const NONCE_BYTES = 12;
const STEPS = 1e7;
const UNKNOWN = 0xffffffff;

export const PositionFormat = new RecordFormat(
  { label: "copconnect position v1", rule: RULE, version: 1 },
  {
    conversation: bytes(16),
    /** Message id of the share. */
    share: bytes(16),
    sender: bytes(32),
    key: bytes(32),
    sent: integer(8),
    nonce: bytes(NONCE_BYTES),
    ciphertext: bytes(CIPHERTEXT_BYTES),
  },
);
export type PositionRecord = RecordOf<typeof PositionFormat>;

export interface GeoPosition {
  readonly latitude: number;
  readonly longitude: number;
  readonly accuracyM: number | null;
  readonly takenMs: number;
}

interface Opening {
  readonly conversation: Uint8Array;
  readonly share: Uint8Array;
  readonly sender: Uint8Array;
  readonly key: Uint8Array;
  readonly sent: number;
}

function positionKey({ conversation, share, sender }: Opening, secret: Uint8Array): Bytes {
  return hkdf(secret, share, concat(tag("copconnect position v1"), conversation, sender));
}

function aad(values: Opening, nonce: Uint8Array): Bytes {
  const unsigned = PositionFormat.encodeUnsigned({
    ...values,
    ...{ nonce, ciphertext: new Uint8Array(CIPHERTEXT_BYTES) },
  });
  return copy(unsigned.subarray(0, -CIPHERTEXT_BYTES));
}

/** Throws RangeError for a place that is nowhere on earth. */
export async function sealPosition(
  values: Opening,
  { latitude, longitude, accuracyM, takenMs }: GeoPosition,
  secret: Uint8Array,
  privateKey: Uint8Array,
): Promise<Bytes> {
  const there = Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
  if (!there) throw new RangeError("a place has a latitude and a longitude");
  const accuracy =
    accuracyM === null ? UNKNOWN : Math.min(UNKNOWN - 1, Math.max(0, Math.round(accuracyM * 10)));
  const plaintext = new Writer()
    .uint(Math.round((latitude + 90) * STEPS), 8)
    .uint(Math.round((longitude + 180) * STEPS), 8)
    .uint(accuracy, 4)
    .uint(Math.max(0, Math.round(takenMs)), 8)
    .done();
  const nonce = randomBytes(NONCE_BYTES);
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: aad(values, nonce) };
  const k = positionKey(values, secret);
  const key = await crypto.subtle.importKey("raw", k, "AES-GCM", false, ["encrypt"]);
  const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext));
  return (await PositionFormat.sign({ ...values, nonce, ciphertext }, privateKey)).bytes;
}

/** The place in a record whose signature was checked. Throws Refused (L1). */
export async function openPosition(
  record: PositionRecord,
  secret: Uint8Array,
): Promise<GeoPosition> {
  const algorithm = {
    ...{ name: "AES-GCM", iv: copy(record.nonce) },
    additionalData: aad(record, record.nonce),
  };
  const k = positionKey(record, secret);
  const key = await crypto.subtle.importKey("raw", k, "AES-GCM", false, ["decrypt"]);
  let plaintext: Uint8Array;
  try {
    const opened = await crypto.subtle.decrypt(algorithm, key, copy(record.ciphertext));
    plaintext = new Uint8Array(opened);
  } catch (error) {
    throw new Refused(RULE, "position does not open", null, error);
  }
  const reader = new Reader(plaintext, RULE);
  const latitude = reader.uint(8) / STEPS - 90;
  const longitude = reader.uint(8) / STEPS - 180;
  const accuracy = reader.uint(4);
  const takenMs = reader.uint(8);
  reader.end();
  reader.require(latitude <= 90 && longitude <= 180, "nowhere on earth");
  return { latitude, longitude, accuracyM: accuracy === UNKNOWN ? null : accuracy / 10, takenMs };
}

/** Whether a record is about this conversation and this share by this device. */
export function isOf(
  record: PositionRecord,
  share: { readonly conversation: Uint8Array; readonly sender: Uint8Array },
): boolean {
  const here = equalBytes(record.conversation, share.conversation);
  return here && equalBytes(record.sender, share.sender);
}
