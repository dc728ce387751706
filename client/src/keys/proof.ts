/**
 * Proof of reported messages (F1), and the envelope that carries it to moderators (F2).
 *
 * Each message travels as signed header ‖ signature ‖ body, as the log has it, with the key k of its
 * body alone. The sender's signature covers H(body) and the commitment to k, so that a person who
 * holds a proof can show that this device sent this text, and nobody can make one for a text that
 * was not sent. k opens no other message. Nothing of a proof names the reporter.
 */
import { concat, copy, equalBytes, fromHex, type Bytes } from "../octets.ts";
import { idOf, type DeviceId, type MessageId, type PersonId } from "../ids.ts";
import { MAX_APPEAL_BYTES, MAX_MESSAGE_BYTES, MAX_REPORT_BYTES, REPORT_SEALS } from "../limits.ts";
import { Reader, Writer } from "./format/fields.ts";
import { hash } from "./format/hashing.ts";
import { Refused, refuseUnless } from "./format/refused.ts";
import {
  HeaderFormat,
  SIGNED_HEADER_BYTES,
  openBody,
  parseMessage,
  type Header,
  type Message,
} from "./message.ts";
import type { EnvelopeKind, EnvelopePlace } from "./sealed-envelope.ts";

const VERSION = 1;
/** Messages in a proof, at most: the reported one and five before it. */
export const PROVEN_MESSAGES = 6;
/** UTF-8 bytes of the reporter's words, at most. */
export const WORDS_BYTES = 4_000;
const LEAST_MESSAGE_BYTES = SIGNED_HEADER_BYTES + 16;

export const REPORT: EnvelopeKind = {
  name: "report",
  rule: "F2",
  mostSeals: REPORT_SEALS,
  mostBytes: MAX_REPORT_BYTES,
  lengthBytes: 4,
  mostContent: MAX_REPORT_BYTES - REPORT_SEALS * 1_200 - 8_192,
  padding: 4_096,
};

export const APPEAL: EnvelopeKind = {
  name: "appeal",
  rule: "F2",
  mostSeals: REPORT_SEALS,
  mostBytes: MAX_APPEAL_BYTES,
  lengthBytes: 2,
  mostContent: WORDS_BYTES,
  padding: 256,
};

/** The subject of a report, as the server has it in the clear. */
export interface ReportPlace {
  readonly report: Uint8Array;
  readonly conversation: Uint8Array;
  /** The reported message. */
  readonly messageId: Uint8Array;
  /** H(header ‖ signature) of the reported message. */
  readonly headerHash: Uint8Array;
}

export function reportPlace(place: ReportPlace): EnvelopePlace {
  const { report, conversation, messageId, headerHash } = place;
  return { salt: report, bytes: concat(report, conversation, messageId, headerHash) };
}

/** An appeal belongs to the sanction of one case, and to the person concerned. */
export function appealPlace(report: Uint8Array, person: Uint8Array): EnvelopePlace {
  return { salt: report, bytes: concat(report, person) };
}

export interface ProofItem {
  /** The person whose device sent it. */
  readonly person: PersonId;
  /** Header ‖ signature ‖ body. */
  readonly message: Uint8Array;
  readonly k: Uint8Array;
}

export interface Proof {
  readonly clause: number;
  readonly words: string;
  /** The reported message first, then those before it in the order of the log. */
  readonly items: readonly ProofItem[];
}

export function encodeProof({ clause, words, items }: Proof): Bytes {
  if (items.length < 1 || items.length > PROVEN_MESSAGES) throw new RangeError("1 to 6 messages");
  const writer = new Writer().uint(VERSION, 1).uint(clause, 1).text(words).uint(items.length, 1);
  for (const { person, message, k } of items) {
    writer.bytes(fromHex(person), 16).bytes(k, 32).uint(message.length, 4).raw(message);
  }
  return writer.done();
}

/** F1: exact parse; no message is judged yet. */
export function parseProof(bytes: Uint8Array): Proof {
  const reader = new Reader(bytes, "F1");
  reader.require(reader.uint(1) === VERSION, "unknown version");
  const clause = reader.uint(1);
  reader.require(clause >= 1, "clauses count from 1");
  const words = reader.text();
  const count = reader.uint(1);
  reader.require(count >= 1 && count <= PROVEN_MESSAGES, "wrong number of messages");
  const items: ProofItem[] = [];
  for (let at = 0; at < count; at++) {
    const person = idOf<PersonId>(reader.take(16));
    const k = copy(reader.take(32));
    const size = reader.uint(4);
    const fits = size >= LEAST_MESSAGE_BYTES && size <= MAX_MESSAGE_BYTES;
    reader.require(fits, "no size of a message");
    items.push({ person, k, message: copy(reader.take(size)) });
  }
  reader.end();
  return { clause, words, items };
}

/** A device's key by a certificate of the department; null: no such certificate is known. */
export type SenderKey = (personId: PersonId, device: DeviceId) => Promise<Uint8Array | null>;

export interface JudgedMessage {
  readonly messageId: MessageId;
  readonly personId: PersonId;
  readonly device: DeviceId;
  readonly sentMs: number;
  /** Null where the proof does not hold. */
  readonly plaintext: Uint8Array | null;
  readonly failed: string | null;
}

/**
 * Judge a proof (F1). Throws Refused where the whole does not fit: the first message is not the
 * reported one, one is there twice, or those before it are of another conversation or in another
 * order than their senders signed. A single message that does not hold is said so, and shown to nobody.
 */
export async function judgeProof(
  proof: Proof,
  place: ReportPlace,
  keyOf: SenderKey,
): Promise<readonly JudgedMessage[]> {
  const messages = proof.items.map(({ message }) => parse(message, place.conversation));
  requireReported(messages[0], place);
  requireOrder(messages.map(({ header }) => header));
  return Promise.all(
    messages.map((message, at) => judgeOne(message, proof.items[at] as ProofItem, keyOf)),
  );
}

function parse(message: Uint8Array, conversation: Uint8Array): Message {
  try {
    return parseMessage(message, conversation);
  } catch (error) {
    if (error instanceof Refused) throw new Refused("F1", reasonOf(error), null, error);
    throw error;
  }
}

function requireReported(first: Message | undefined, place: ReportPlace): void {
  const fits =
    first !== undefined &&
    equalBytes(first.header.message, place.messageId) &&
    equalBytes(first.header.hash, place.headerHash);
  refuseUnless(fits, "F1", "not the reported message");
}

/** Each once; of one device in the order of its numbers, and none after the reported one. */
function requireOrder([reported, ...before]: readonly Header[]): void {
  const ids = new Set<MessageId>();
  const newest = new Map<DeviceId, number>();
  for (const header of [...before, reported as Header]) {
    const id = idOf<MessageId>(header.message);
    refuseUnless(!ids.has(id), "F1", "one message twice");
    ids.add(id);
    const device = idOf<DeviceId>(header.sender);
    refuseUnless(header.seq > (newest.get(device) ?? 0), "F1", "not in the order they were sent");
    newest.set(device, header.seq);
  }
}

async function judgeOne(
  message: Message,
  { person, k }: ProofItem,
  keyOf: SenderKey,
): Promise<JudgedMessage> {
  const { header } = message;
  const device = idOf<DeviceId>(header.sender);
  const said = {
    ...{ messageId: idOf<MessageId>(header.message), personId: person, device },
    sentMs: header.sent,
  };
  try {
    const key = await keyOf(person, device);
    if (key === null) throw new Refused("F1", "no certificate names this device as that person's");
    await HeaderFormat.verify(header, key);
    refuseUnless(equalBytes(hash(message.body), header.body), "F1", "not the body that was signed");
    return { ...said, plaintext: await openBody(message, k), failed: null };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ...said, plaintext: null, failed: `F1: ${reasonOf(error)}` };
  }
}

function reasonOf({ message }: Refused): string {
  return message.replace(/^[A-Z]\d+: /u, "");
}

/** H(header ‖ signature) of a whole message. */
export function signedHeaderHash(message: Uint8Array): Bytes {
  return hash(message.subarray(0, SIGNED_HEADER_BYTES));
}
