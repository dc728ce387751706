/**
 * Message (docs/keys.md): header (307) ‖ signature (64) ‖ body. The header is signed by the
 * sender's device; the body is AES-256-GCM under k, which serves this one message.
 *
 * Invariant: k is derived from S, message id, conversation, sender, seq and attempt, so signing a
 * message again (S6) with the next attempt encrypts under another k, and the zero nonce is safe.
 */
import { concat, copy, equalBytes, type Bytes } from "../octets.ts";
import { uint } from "./format/fields.ts";
import { hash, hkdf, tag, ZEROS } from "./format/hashing.ts";
import { TAG_BYTES } from "./hpke.ts";
import { RecordFormat, bytes, integer, type RecordOf, type ValuesOf } from "./format/record.ts";
import { Refused, refuseUnless } from "./format/refused.ts";
import { SIGNATURE_BYTES } from "./format/signature.ts";
import { HEADER_BYTES } from "../limits.ts";

const LAYOUT = {
  conversation: bytes(16),
  message: bytes(16),
  kind: integer(1),
  /** The message that it edits or deletes. */
  marked: bytes(16),
  sender: bytes(32),
  seq: integer(8),
  attempt: integer(1),
  previous: bytes(32),
  key: bytes(32),
  epoch: integer(8),
  head: bytes(32),
  logPosition: integer(8),
  logHash: bytes(32),
  sent: integer(8),
  commit: bytes(32),
  body: bytes(32),
};

export const HeaderFormat = new RecordFormat(
  { label: "copconnect message v3", rule: "R3", version: 3 },
  LAYOUT,
);
export type Header = RecordOf<typeof HeaderFormat>;
/** A header whose body is not encrypted yet. */
export type HeaderDraft = Omit<ValuesOf<typeof LAYOUT>, "commit" | "body">;

/** The effect of a deletion on the body of a message (M3). */
export const MESSAGE_KIND = {
  /** A deletion that counts removes the body. */
  plain: 0,
  /** No deletion applies: orders and their changes, notices of exports, states, personal items, marks. */
  kept: 1,
  /** A deletion of the edited message deletes this edit too. */
  edit: 2,
  deletion: 3,
} as const;
/** The marked message of a message that marks none. */
export const NOTHING: Bytes = new Uint8Array(16);

/** Header and signature. */
export const SIGNED_HEADER_BYTES = HEADER_BYTES + SIGNATURE_BYTES;
/** The size of commit and H(body), which follow `sent`. */
const AFTER_SENT_BYTES = 64;
const NONCE = new Uint8Array(12);

export interface Message {
  readonly header: Header;
  readonly body: Bytes;
}

/** A message as the log has it. `body`: null where the server has dropped it. */
export interface LogMessage extends Pick<Message, "header"> {
  readonly body: Bytes | null;
}

/** R1: exact parse. */
export function parseMessage(message: Uint8Array, conversation: Uint8Array): Message {
  const { header, body } = parseEntry(message, conversation);
  if (body === null) throw new Refused("R1", "body is truncated");
  return { header, body };
}

/** R1 of an entry of the log, which may lack its body (R11). */
export function parseEntry(message: Uint8Array, conversation: Uint8Array): LogMessage {
  const header = HeaderFormat.parse(message.subarray(0, SIGNED_HEADER_BYTES), "R1");
  const body = copy(message.subarray(SIGNED_HEADER_BYTES));
  const whole = body.length === 0 || body.length >= TAG_BYTES;
  refuseUnless(whole, "R1", "body is truncated");
  const same = equalBytes(header.conversation, conversation);
  refuseUnless(same, "R1", "another conversation");
  refuseUnless(header.kind <= MESSAGE_KIND.deletion, "R1", "unknown kind");
  const marks = !equalBytes(header.marked, NOTHING);
  refuseUnless(marks === header.kind >= MESSAGE_KIND.edit, "R1", "marks nothing, or too much");
  return { header, body: body.length === 0 ? null : body };
}

/** k: encrypts this body alone. */
export function bodyKey(
  header: Pick<Header, "conversation" | "message" | "sender" | "seq" | "attempt">,
  secret: Uint8Array,
): Bytes {
  const { conversation, message, sender, seq, attempt } = header;
  const info = [tag("copconnect body v2"), conversation, sender, uint(seq, 8), uint(attempt, 1)];
  return hkdf(secret, message, concat(...info));
}

/** The key commit of k. */
export function bodyCommit(header: Pick<Header, "message">, k: Uint8Array): Bytes {
  return hkdf(k, header.message, tag("copconnect body-commit v2"));
}

/** Compare k with the header in constant time (R7). */
export function requireBodyKey(header: Header, k: Uint8Array): void {
  const right = equalBytes(bodyCommit(header, k), header.commit);
  refuseUnless(right, "R7", "key commit is another key's");
}

/** Encrypt and sign: the bytes to store (S5) and to send. */
export async function sealMessage(
  draft: HeaderDraft,
  secret: Uint8Array,
  plaintext: Uint8Array,
  privateKey: Uint8Array,
): Promise<Bytes> {
  const k = bodyKey(draft, secret);
  const unsigned = HeaderFormat.encodeUnsigned({ ...draft, commit: ZEROS, body: ZEROS });
  const aad = unsigned.subarray(0, -AFTER_SENT_BYTES);
  const algorithm = { name: "AES-GCM", iv: NONCE, additionalData: aad };
  const key = await crypto.subtle.importKey("raw", k, "AES-GCM", false, ["encrypt"]);
  const body = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, copy(plaintext)));
  const values = { ...draft, commit: bodyCommit(draft, k), body: hash(body) };
  const header = await HeaderFormat.sign(values, privateKey);
  return concat(header.bytes, body);
}

/** R7: compare the key commit, then decrypt. */
export async function openBody({ header, body }: Message, k: Uint8Array): Promise<Bytes> {
  requireBodyKey(header, k);
  const aad = header.unsigned.subarray(0, -AFTER_SENT_BYTES);
  const algorithm = { name: "AES-GCM", iv: NONCE, additionalData: aad };
  const key = await crypto.subtle.importKey("raw", copy(k), "AES-GCM", false, ["decrypt"]);
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, body));
  } catch (error) {
    throw new Refused("R7", "body does not open", null, error);
  }
}

/** L₀. */
export const LOG_START: Bytes = ZEROS;

/** Lᵢ from Lᵢ₋₁ and H(header ‖ signature) of the message at position i. */
export function nextLogHash(before: Uint8Array, headerHash: Uint8Array): Bytes {
  return hash(tag("copconnect log v1"), before, headerHash);
}
