/**
 * Whether a log entry may be shown: R1 to R7, R10 and R11, as keys/receive.ts checks them over
 * what this device holds. Here that is gathered: from memory and vault first, from the server where
 * something is missing.
 *
 * Without network gathering rejects with `network`, and the entry is judged later. A record
 * that the server does not have refuses the entry. Nothing is stored but heads and key records.
 * Runs in the conversation's queue.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { ZEROS } from "../keys/format/hashing.ts";
import { idOf, type DeviceId, type KeyId, type PersonId } from "../ids.ts";
import type { AcceptedHeader, KnownConversation } from "../keys/known.ts";
import { HeaderFormat, SIGNED_HEADER_BYTES, bodyKey, type Header } from "../keys/message.ts";
import { checkChain, receive } from "../keys/receive.ts";
import { Refused } from "../keys/format/refused.ts";
import { fromHex } from "../octets.ts";
import type { AcceptedRecord } from "../records.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import type { Listed } from "../keys/roster/proof.ts";
import { floorOf } from "./floors.ts";
import type { HeldKey } from "../conversation/conversation-keys.ts";

/** An entry on its way through the checks. */
export interface UncheckedEntry {
  readonly position: number;
  /** When the server accepted it. */
  readonly sentMs: number;
  readonly message: Uint8Array;
  /** The entry is from before this device began to follow the log. */
  readonly old: boolean;
}

/** A header that R1 to R6 accept, with its sender's leaf. */
export interface Vouched {
  readonly header: Header;
  readonly leaf: Leaf;
  /** R4: the sender saw another log than this device. */
  readonly alarm: boolean;
  /** R5: an earlier message of this sender is missing. */
  readonly gap: boolean;
}

export type Judgement =
  | ({ readonly kind: "opened"; readonly plaintext: Uint8Array; readonly k: Uint8Array } & Vouched)
  | ({ readonly kind: "keyless"; readonly keyId: KeyId } & Vouched)
  /** R11: the server has the header alone. */
  | ({ readonly kind: "bodyless" } & Vouched)
  | {
      readonly kind: "refused";
      readonly refusal: Refused;
      readonly personId: PersonId | null;
    };

export async function judge(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  entry: UncheckedEntry,
): Promise<Judgement> {
  const first = await judgeOnce(context, conversation, work, entry);
  if (first.kind !== "refused" || first.refusal.rule !== "R2" || first.personId === null)
    return first;
  const renewed = await context.freshness.renew(first.personId);
  return renewed ? judgeOnce(context, conversation, work, entry) : first;
}

async function judgeOnce(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  entry: UncheckedEntry,
): Promise<Judgement> {
  let personId: PersonId | null = null;
  try {
    const header = HeaderFormat.parse(entry.message.subarray(0, SIGNED_HEADER_BYTES), "R1");
    const floor = await floorOf(conversation, work, entry.position);
    const listed = await senderOf(conversation, work, header, floor);
    personId = listed.leaf.person;
    const held = await gather(context, conversation, work, header, entry.position, listed, floor);
    const known = knownOf(context, conversation, work, header, held);
    return await check(context, conversation, work, entry, header, held, known);
  } catch (error) {
    if (error instanceof Refused) return { kind: "refused", refusal: error, personId };
    throw error;
  }
}

async function check(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  entry: UncheckedEntry,
  header: Header,
  { key, listed }: HeaderRecords,
  known: KnownConversation,
): Promise<Judgement> {
  const now = context.time.now() ?? context.now();
  const { judge: people } = context.trust;
  try {
    const received = await receive(entry.message, known, people, entry.position, now);
    const { leaf, plaintext } = received;
    const gap = received.gap && !entry.old;
    const vouched = { header: received.header, leaf, alarm: received.log === "differs", gap };
    if (plaintext === null) return { kind: "bodyless", ...vouched };
    if (key === null || key.secret === null) throw new TypeError("it opened without a key");
    conversation.keys.seen(work, key, entry.position);
    return { kind: "opened", ...vouched, plaintext, k: bodyKey(header, key.secret) };
  } catch (error) {
    // R9: everything but the key was right.
    const keyless = error instanceof Refused && error.rule === "R9";
    if (!keyless || key === null) throw error;
    const gap = checkChain(header, known) && !entry.old;
    return { kind: "keyless", header, leaf: listed.leaf, keyId: key.keyId, alarm: false, gap };
  }
}

/** The records that the checks of one header look at. */
interface HeaderRecords {
  readonly floor: number;
  readonly heads: ReadonlyMap<number, RosterHead>;
  /** Under the higher of the header's epoch and the entry's floor. */
  readonly listed: Listed;
  readonly key: HeldKey | null;
  /** L at the header's log position. */
  readonly logHash: Uint8Array | null;
  readonly accepted: ReadonlyMap<number, AcceptedRecord>;
  readonly latestSeq: number;
}

/** R2: the sender under the higher of the header's head and the entry's floor. */
export async function senderOf(
  { heads }: Conversation,
  work: UnitOfWork,
  header: Header,
  floor: number,
): Promise<Listed> {
  const under = await heads.require(work, Math.max(header.epoch, floor));
  return heads.listed(under, idOf<DeviceId>(header.sender), "R2");
}

async function gather(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  header: Header,
  position: number,
  listed: Listed,
  floor: number,
): Promise<HeaderRecords> {
  const { heads: known, accepted: chain, log } = conversation;
  const heads = new Map<number, RosterHead>();
  const take = async (epoch: number): Promise<RosterHead> => {
    const head = await known.require(work, epoch);
    heads.set(epoch, head);
    return head;
  };
  await take(header.epoch);
  await take(Math.max(header.epoch, floor));
  const { person } = listed.leaf;
  await context.trust.ensure([person]);
  // Asks the server for what the judgement lacks, once in a while.
  await context.trust.confirmedCertificate(person, listed.leaf.device, header.sent, "R2");
  const key = await findKey(context, conversation, work, idOf<KeyId>(header.key));
  await take(key.record.epoch);
  const accepted = new Map<number, AcceptedRecord>();
  for (const seq of neighbours(header)) {
    const row = await chain.get(work, acceptedName(header, seq));
    // The very entry, judged again once its key has come.
    const itself = row?.position === position && seq === header.seq;
    if (row !== null && !itself) accepted.set(seq, row);
  }
  const latest = await chain.get(work, acceptedName(header, null));
  // Messages from before a return say nothing of what came while this person did not belong here.
  const read = latest !== null && latest.signedMs >= work.record.historyFromMs;
  const at = header.logPosition;
  const logHash = at === 0 ? ZEROS : ((await log.get(work, String(at)))?.hash ?? null);
  return { floor, heads, listed, key, logHash, accepted, latestSeq: read ? latest.seq : Infinity };
}

function knownOf(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  header: Header,
  held: HeaderRecords,
): KnownConversation {
  const { directPersonId: other } = work.record;
  const own = context.identity().personId;
  const record = held.key?.record ?? null;
  return {
    conversation: fromHex(conversation.id),
    people: other === null ? null : [own, other],
    newcomer: !work.record.whole,
    head: (epoch) => held.heads.get(epoch) ?? null,
    listed: () => held.listed,
    record: () => record,
    secret: () => held.key?.secret ?? null,
    sharedBodyKey: () => null,
    logHash: (position) => (position === header.logPosition ? held.logHash : null),
    highestEpoch: () => held.floor,
    accepted: (_sender, seq) => acceptedHeader(held.accepted.get(seq)),
    acceptedBefore: (_sender, seq) => held.latestSeq < seq,
  };
}

function acceptedHeader(row: AcceptedRecord | undefined): AcceptedHeader | null {
  if (row === undefined) return null;
  const { messageId, seq, attempt, previous, hash } = row;
  return { message: messageId, seq, attempt, previous, hash };
}

/** The header of an entry; null: malformed, and judging says so. */
export function headerOf(message: Uint8Array): Header | null {
  try {
    return HeaderFormat.parse(message.subarray(0, SIGNED_HEADER_BYTES), "R1");
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

/** Read at once the rows that {@link judge} will look at, one by one, for these headers. */
export async function loadJudged(
  { accepted, log }: Conversation,
  headers: readonly Header[],
): Promise<void> {
  const chains = headers.flatMap((header) => [
    acceptedName(header, null),
    ...neighbours(header).map((seq) => acceptedName(header, seq)),
  ]);
  const positions = headers.map(({ logPosition }) => String(logPosition));
  await Promise.all([accepted.load([...new Set(chains)]), log.load([...new Set(positions)])]);
}

/** The sender's messages that the chain is compared with (R5). */
function neighbours({ seq }: Header): readonly number[] {
  return [seq - 1, seq, seq + 1];
}

/** Row names in {@link Conversation.accepted}. */
export function acceptedName(header: Pick<Header, "sender">, seq: number | null): string {
  const device = idOf<DeviceId>(header.sender);
  return seq === null ? device : `${device}/${String(seq)}`;
}

/** A record by its id, with this device's seal, fetched if it is not known. */
export async function findKey(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  keyId: KeyId,
): Promise<HeldKey> {
  const known = await conversation.keys.find(work, keyId);
  if (known !== null) return known;
  try {
    const { key } = await context.api.keys(conversation.id, { key: keyId });
    if (key !== null) {
      const held = await conversation.keys.learn(work, key.record, key.seal);
      if (held.keyId === keyId) return held;
    }
  } catch (error) {
    if (!hasCode(error, "not_found", "not_member")) throw error;
  }
  throw new Refused("R6", "record is unknown", { kind: "record", keyId });
}
