/**
 * Whether a log entry may be shown: KEYS.md R1 to R7 and R10, in that order.
 *
 * What a check lacks (a head, a proof, a person's records, a key record) is asked of the server;
 * without network the judgement rejects with `network` and is made later. What the server does not
 * have refuses. Nothing is stored but heads and key records. Runs in the conversation's queue.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { Work } from "../conversation/work.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { hash, ZEROS } from "../keys/hashing.ts";
import { idOf } from "../keys/ids.ts";
import type { DeviceId, KeyId, PersonId } from "../keys/ids.ts";
import { HeaderFormat, bodyKey, openBody, parseMessage } from "../keys/message.ts";
import type { Header, Message } from "../keys/message.ts";
import { Refused, refuseUnless } from "../keys/refused.ts";
import { CLOCKS_MS } from "../keys/times.ts";
import { equalBytes, fromHex, toHex } from "../octets.ts";
import { requireDirect } from "../rosters/direct.ts";
import type { RosterHead } from "../rosters/head.ts";
import { mayPost } from "../rosters/leaf.ts";
import type { Leaf } from "../rosters/leaf.ts";
import type { HeldKey } from "../secrets/conversation-keys.ts";

/** An entry on its way through the checks. */
export interface Entry {
  readonly position: number;
  /** When the server accepted it. */
  readonly sentMs: number;
  readonly message: Uint8Array;
  /** Of before this device began to follow the log. */
  readonly old: boolean;
  /** The highest epoch that the sender must be listed under, besides the header's (R2). */
  readonly floor: number;
}

/** A header that R1 to R5 accept, with its sender's leaf. */
export interface Vouched {
  readonly header: Header;
  readonly leaf: Leaf;
  /** R4: the sender saw another log than this device. */
  readonly alarm: boolean;
  /** R5: an earlier message of this sender is missing. */
  readonly gap: boolean;
}

export type Judgement =
  | { readonly kind: "opened"; readonly plaintext: Uint8Array; readonly k: Uint8Array } & Vouched
  | ({ readonly kind: "keyless"; readonly keyId: KeyId } & Vouched)
  | {
      readonly kind: "refused";
      readonly refusal: Refused;
      readonly personId: PersonId | null;
    };

export async function judge(
  context: DeviceContext,
  conversation: Conversation,
  work: Work,
  entry: Entry,
): Promise<Judgement> {
  let personId: PersonId | null = null;
  try {
    const message = parseMessage(entry.message, fromHex(conversation.id)); // R1
    const { header } = message;
    const head = await conversation.heads.require(work, header.epoch);
    refuseUnless(equalBytes(head.hash, header.head), "R4", "another roster head");
    const leaf = await senderLeaf(conversation, work, header, entry.floor);
    personId = leaf.person;
    await requireSender(context, message, leaf); // R2, R3
    requirePlace(context, work, conversation.id, leaf); // R10
    const chained = await checkChain(conversation, work, header, entry); // R5
    const alarm = await sawAnotherLog(conversation, work, header, entry);
    const vouched = { header, leaf, alarm, gap: chained };
    const key = await requireKey(context, conversation, work, header, head); // R6
    if (key.secret === null) return { kind: "keyless", keyId: key.keyId, ...vouched };
    conversation.keys.seen(work, key, entry.position);
    const k = bodyKey(header, key.secret);
    return { kind: "opened", plaintext: await openBody(message, k), k, ...vouched }; // R7
  } catch (error) {
    if (error instanceof Refused) return { kind: "refused", refusal: error, personId };
    throw error;
  }
}

/** R2: the sender is listed under the higher of the header's head and the entry's floor. */
async function senderLeaf(
  conversation: Conversation,
  work: Work,
  header: Header,
  floor: number,
): Promise<Leaf> {
  const sender = idOf<DeviceId>(header.sender);
  const under = await conversation.heads.require(work, Math.max(header.epoch, floor));
  const { leaf } = await conversation.heads.listed(under, sender, "R2");
  refuseUnless(mayPost(leaf), "R2", "the sender may not post");
  return leaf;
}

/** R2 and R3: a confirmed device of that person signed this, body included. */
async function requireSender(
  context: DeviceContext,
  { header, body }: Message,
  leaf: Leaf,
): Promise<void> {
  await context.trust.ensure([leaf.person]);
  const certificate = await context.trust.confirmedCertificate(
    leaf.person,
    leaf.device,
    header.sent,
    "R2",
  );
  await HeaderFormat.verify(header, certificate.publicKey);
  refuseUnless(equalBytes(hash(body), header.body), "R3", "not the body that was signed");
}

function requirePlace(context: DeviceContext, work: Work, id: string, leaf: Leaf): void {
  const { kind, directPersonId } = work.record;
  if (kind !== "direct" || directPersonId === null) return;
  const people = [context.identity().personId, directPersonId] as [PersonId, PersonId];
  requireDirect(fromHex(id), people, leaf.person);
}

/** Row names in {@link Conversation.accepted}. */
export function acceptedName(header: Pick<Header, "sender">, seq: number | null): string {
  const device = toHex(header.sender);
  return seq === null ? device : `${device}/${String(seq)}`;
}

/** R5. True: a message of this sender before this one is missing. */
async function checkChain(
  conversation: Conversation,
  work: Work,
  header: Header,
  entry: Entry,
): Promise<boolean> {
  const { seq, previous, attempt } = header;
  refuseUnless(seq >= 1 && attempt >= 1, "R5", "numbers begin at 1");
  const first = equalBytes(previous, ZEROS);
  refuseUnless((seq === 1) === first, "R5", "only the first has none before");
  const row = (at: number | null) => conversation.accepted.get(work, acceptedName(header, at));
  const same = await row(seq);
  if (same !== null && !equalBytes(same.hash, header.hash)) {
    const anew = same.messageId === toHex(header.message);
    refuseUnless(anew, "R5", "two messages with one seq");
    refuseUnless(same.attempt < attempt, "R5", "an older attempt");
  }
  const again = same !== null && same.position !== entry.position;
  refuseUnless(!again || !equalBytes(same.hash, header.hash), "R5", "accepted already");
  const before = seq > 1 ? await row(seq - 1) : null;
  refuseUnless(
    before === null || equalBytes(before.hash, previous),
    "R5",
    "it does not chain to the one before",
  );
  const after = await row(seq + 1);
  const chains = after === null || equalBytes(after.previous, header.hash);
  refuseUnless(chains, "R5", "the next one does not chain to it");
  if (entry.old || seq === 1 || before !== null) return false;
  // A newcomer's gaps begin at each sender's first message that it may read (R4).
  const latest = await row(null);
  return latest !== null && latest.seq < seq - 1;
}

/** R4: whether the log that the sender had is another one than this device's. */
async function sawAnotherLog(
  conversation: Conversation,
  work: Work,
  header: Header,
  entry: Entry,
): Promise<boolean> {
  const { logPosition, logHash } = header;
  if (logPosition >= entry.position) return true;
  if (logPosition === 0) return !equalBytes(logHash, ZEROS);
  const own = await conversation.log.get(work, String(logPosition));
  return own !== null && !equalBytes(own.hash, logHash);
}

/** R6: the record that the header names; its S may be missing here. */
async function requireKey(
  context: DeviceContext,
  conversation: Conversation,
  work: Work,
  header: Header,
  head: RosterHead,
): Promise<HeldKey> {
  const key = await findKey(context, conversation, work, idOf<KeyId>(header.key));
  const { record } = key;
  const inTime = head.rekeyEpoch <= record.epoch && record.epoch <= header.epoch;
  refuseUnless(inTime, "R6", "made before a removal, or after the message");
  const madeFor = await conversation.heads.require(work, record.epoch);
  refuseUnless(equalBytes(madeFor.hash, record.head), "R6", "record of another roster head");
  const now = context.time.now() ?? context.now();
  const created = madeFor.created <= record.created && record.created <= now + CLOCKS_MS;
  refuseUnless(created, "R6", "made before its head, or in the future");
  return key;
}

/** A record by its id, with this device's seal, fetched if it is not known. */
export async function findKey(
  context: DeviceContext,
  conversation: Conversation,
  work: Work,
  keyId: KeyId,
): Promise<HeldKey> {
  const known = await conversation.keys.find(work, keyId);
  if (known !== null) return known;
  try {
    const { key } = await context.api.key(conversation.id, keyId);
    if (key !== null) {
      const held = await conversation.keys.learn(work, key.record, key.seal);
      if (held.keyId === keyId) return held;
    }
  } catch (error) {
    if (!hasCode(error, "not_found", "not_member")) throw error;
  }
  throw new Refused("R6", "record is unknown", { kind: "record", keyId });
}
