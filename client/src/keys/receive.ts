/**
 * The receiver's checks R1 to R7, R10 and R11 of docs/keys.md, in order, as one function over what the device
 * knows. R8 is the caller's: it stores plaintext, header and cursor in one transaction. R9 is a
 * refusal by "R9": the message waits and is counted.
 *
 * Nothing of a refused message is shown. `missing` of a refusal says what to fetch; without it the
 * message is judged again only when trust has changed. The caller appends to the log what is refused
 * too. {@link Forked}, and `Received.log` "differs", are alarms: shown, and they stop nothing else.
 */
import { equalBytes } from "../octets.ts";
import type { ConfirmedDevice, Judge } from "./trust/confirmed.ts";
import { authorityNumberOf } from "./trust/department.ts";
import { maySend, type Leaf } from "./roster/leaf.ts";
import { requireDirect } from "./roster/direct.ts";
import { requireConversationSecret, type ConversationKey } from "./conversation-key.ts";
import { hash, ZEROS } from "./format/hashing.ts";
import { idOf, type DeviceId, type KeyId, type MessageId } from "../ids.ts";
import {
  requireHead,
  requireListed,
  type AcceptedHeader,
  type KnownConversation,
} from "./known.ts";
import { HeaderFormat, bodyKey, openBody, parseEntry, type Header } from "./message.ts";
import { Forked, Refused, refuseUnless } from "./format/refused.ts";
import { CLOCKS_MS } from "./format/times.ts";

export interface Received {
  readonly header: Header;
  /** Null: the log has the header alone (R11). */
  readonly plaintext: Uint8Array | null;
  /** How the sender is confirmed. */
  readonly sender: ConfirmedDevice;
  readonly leaf: Leaf;
  /** An earlier message of this sender is missing: show a gap and ask the log. */
  readonly gap: boolean;
  /** The sender's log against this device's own; "unknown": beyond what is kept. */
  readonly log: "agrees" | "differs" | "unknown";
}

/**
 * Check and open the message at a position of the log. `now`: this device's clock. Throws Refused.
 */
export async function receive(
  bytes: Uint8Array,
  known: KnownConversation,
  judge: Judge,
  position: number,
  nowMs: number,
): Promise<Received> {
  const { header, body } = parseEntry(bytes, known.conversation); // R1
  const senderId = idOf<DeviceId>(header.sender);

  const sender = judge.confirmed(senderId, header.sent, "R2");
  const proven = Math.max(header.epoch, known.highestEpoch(position));
  const present = authorityNumberOf(header.epoch) === authorityNumberOf(proven);
  refuseUnless(present, "R2", "a former roster authority's head");
  const { leaf } = requireListed(known, proven, senderId, sender.person, "R2");
  refuseUnless(maySend(leaf), "R2", "may not send");

  await HeaderFormat.verify(header, sender.certificate.publicKey); // R3
  const signed = body === null || equalBytes(hash(body), header.body);
  refuseUnless(signed, "R3", "not the body that was signed");

  const head = requireHead(known, header.epoch, "R4");
  const sameHead = equalBytes(head.hash, header.head);
  if (!sameHead) throw new Forked("R4", "another roster head");
  const log = compareLog(header, known, position);

  const gap = checkChain(header, known); // R5
  const key = idOf<KeyId>(header.key);
  const record = known.record(key);
  if (record === null) throw new Refused("R6", "record is unknown", { kind: "record", keyId: key });
  checkRecord(record, header, known, nowMs);

  const plaintext =
    body === null ? null : await openBody({ header, body }, findBodyKey(header, record, known)); // R7, R11
  if (known.people !== null) requireDirect(known.conversation, known.people, leaf.person); // R10
  return { header, plaintext, sender, leaf, gap, log };
}

/** The parts of an accepted message that R5 of later ones needs. */
export function acceptedHeader(header: Header): AcceptedHeader {
  const { seq, attempt, previous, hash } = header;
  return { message: idOf(header.message), seq, attempt, previous, hash };
}

function compareLog(header: Header, known: KnownConversation, position: number): Received["log"] {
  if (header.logPosition >= position) return "differs";
  const own = known.logHash(header.logPosition);
  if (own === null) return "unknown";
  return equalBytes(own, header.logHash) ? "agrees" : "differs";
}

/**
 * R5: whether a message before this one is missing. Refuses what was accepted already, and what does
 * not chain to its known neighbours, in whatever order they came. All attempts of a seq have one
 * message id, and attempts count from 1.
 */
export function checkChain(
  header: Header,
  known: Pick<KnownConversation, "accepted" | "acceptedBefore" | "newcomer">,
): boolean {
  const { seq, attempt, previous } = header;
  const sender = idOf<DeviceId>(header.sender);
  refuseUnless(seq >= 1 && attempt >= 1, "R5", "numbers begin at 1");
  const first = equalBytes(previous, ZEROS);
  refuseUnless((seq === 1) === first, "R5", "only the first has none before");
  const same = known.accepted(sender, seq);
  if (same !== null) {
    const again = same.message === idOf<MessageId>(header.message);
    if (!again) throw new Forked("R5", "two messages with one seq");
    refuseUnless(same.attempt < attempt, "R5", "accepted already, or an older attempt");
  }
  const before = known.accepted(sender, seq - 1);
  const after = known.accepted(sender, seq + 1);
  const chained = before === null || equalBytes(before.hash, previous);
  if (!chained) throw new Forked("R5", "does not chain");
  const continued = after === null || equalBytes(after.previous, header.hash);
  if (!continued) throw new Forked("R5", "the next does not chain");
  if (seq === 1 || before !== null) return false;
  // A newcomer's gaps begin at each sender's first message that it may read.
  return !known.newcomer || known.acceptedBefore(sender, seq);
}

/** R6, but for S. The record's author does not matter to a reader: the sender vouches for it. */
export function checkRecord(
  record: ConversationKey,
  header: Header,
  known: Pick<KnownConversation, "head">,
  nowMs: number,
): void {
  const same =
    equalBytes(record.hash, header.key) && equalBytes(record.conversation, header.conversation);
  refuseUnless(same, "R6", "record of something else");
  const { rekeyEpoch } = requireHead(known, header.epoch, "R6");
  const inRange = rekeyEpoch <= record.epoch && record.epoch <= header.epoch;
  refuseUnless(inRange, "R6", "made before a removal, or after the message");
  const madeFor = requireHead(known, record.epoch, "R6");
  refuseUnless(equalBytes(record.head, madeFor.hash), "R6", "record of another roster head");
  const inTime = madeFor.created <= record.created && record.created <= nowMs + CLOCKS_MS;
  refuseUnless(inTime, "R6", "record made before its head, or in the future");
}

function findBodyKey(
  header: Header,
  record: ConversationKey,
  known: KnownConversation,
): Uint8Array {
  const keyId = idOf<KeyId>(header.key);
  const secret = known.secret(keyId);
  if (secret !== null) {
    requireConversationSecret(record, secret);
    return bodyKey(header, secret);
  }
  const k = known.sharedBodyKey(idOf(header.message));
  if (k === null)
    throw new Refused("R9", "key is missing: ask for a share", { kind: "key", keyId });
  return k;
}
