/**
 * Receipts, who has received and read: pure judgements over members and their cursors. A message is
 * delivered to a person who has a device that has passed it and does not ask for its key (R9).
 */
import type { MessageStatus } from "../seam.ts";
import type { MembersRecord, SentRecord } from "../records.ts";
import { RECEIPT_PEOPLE } from "../wire.ts";
import type * as wire from "../wire.ts";
import type { Member } from "../wire.ts";

/** At most so many versions that came early are kept; beyond that the next connection asks. */
const MOST_EARLY = 64;

/** The people a message of mine is for: members when it was sent, registered or not. */
export function receivers(
  members: MembersRecord,
  mine: string,
  message: SentRecord,
): readonly Member[] {
  return members.members.filter(
    ({ personId, addedMs }) => personId !== mine && addedMs <= message.sentMs,
  );
}

/** How far a member has come in messages under the key of this one. */
function reached({ lacks, deliveredSeq }: Member, { key }: Pick<SentRecord, "key">): number {
  return lacks.find((one) => one.key === key)?.deliveredSeq ?? deliveredSeq;
}

export type Receipt =
  | "read"
  | "delivered"
  | "lacks_key"
  | "waiting"
  | "signed_out"
  | "unregistered";

/** Return what became of a message of mine at a person, and why they do not have it yet. */
export function receiptOf(member: Member, message: Pick<SentRecord, "seq" | "key">): Receipt {
  if (reached(member, message) >= message.seq)
    return member.readSeq >= message.seq ? "read" : "delivered";
  if (!member.registered) return "unregistered";
  if (member.devices === 0) return "signed_out";
  return member.deliveredSeq >= message.seq ? "lacks_key" : "waiting";
}

/** `delivered` and `read` mean: by everybody it is for who has a phone. */
export function statusOf(members: MembersRecord, mine: string, message: SentRecord): MessageStatus {
  const { counts } = message;
  if (counts !== undefined && counts.phones > 0) {
    if (counts.read >= counts.phones) return "read";
    return counts.delivered >= counts.phones ? "delivered" : "sent";
  }
  const found = receivers(members, mine, message)
    .map((member) => receiptOf(member, message))
    .filter((receipt) => receipt !== "unregistered" && receipt !== "signed_out");
  if (found.length === 0 || members.members.length > RECEIPT_PEOPLE) return "sent";
  if (found.every((receipt) => receipt === "read")) return "read";
  const here = found.every((receipt) => receipt === "read" || receipt === "delivered");
  return here ? "delivered" : "sent";
}

/** Members after receipts; cursors only grow. The same object when nothing changed. */
export function withReceipts(
  members: MembersRecord,
  receipts: readonly wire.Receipt[],
): MembersRecord {
  const news = new Map(receipts.map((receipt) => [receipt.personId, receipt]));
  let changed = false;
  const next = members.members.map((member) => {
    const receipt = news.get(member.personId);
    if (receipt === undefined) return member;
    const deliveredSeq = Math.max(member.deliveredSeq, receipt.deliveredSeq, receipt.readSeq);
    const readSeq = Math.max(member.readSeq, receipt.readSeq);
    const lacks = sameKeys(receipt.lacks, member.lacks) ? member.lacks : receipt.lacks;
    const same = deliveredSeq === member.deliveredSeq && readSeq === member.readSeq;
    if (same && lacks === member.lacks) return member;
    changed = true;
    return { ...member, deliveredSeq, readSeq, lacks };
  });
  return changed ? { ...members, members: next } : members;
}

function sameKeys(one: readonly wire.LackedKey[], other: readonly wire.LackedKey[]): boolean {
  const held = new Map(other.map(({ key, deliveredSeq }) => [key, deliveredSeq]));
  return (
    one.length === other.length &&
    one.every(({ key, deliveredSeq }) => held.get(key) === deliveredSeq)
  );
}

/** The versions that an answer about members is of (wire.Conversation, wire.Members). */
export type MembersVersions = Pick<MembersRecord, "infoVersion" | "receiptsVersion">;

/** Members as fetched; an answer that receipts have overtaken takes no cursor back. */
export function withFetched(
  members: MembersRecord,
  fetched: readonly Member[],
  versions: MembersVersions,
): MembersRecord {
  const overtaken = versions.receiptsVersion < members.receiptsVersion;
  const asFetched = new Map(fetched.map(({ personId, lacks }) => [personId, lacks]));
  const known = members.members.map((one) =>
    overtaken ? one : { ...one, lacks: asFetched.get(one.personId) ?? [] },
  );
  const next = withReceipts({ ...members, members: fetched }, known).members;
  const receiptsVersion = Math.max(versions.receiptsVersion, members.receiptsVersion);
  const news = { ...members, members: next, ...versions, receiptsVersion };
  return JSON.stringify(news) === JSON.stringify(members) ? members : news;
}

/**
 * Members after receipts of a version: theirs is the one up to which none is missing. A version
 * that comes before its turn waits in `early`.
 */
export function withVersion(
  members: MembersRecord,
  early: Set<number>,
  version: number,
): MembersRecord {
  if (version === 0) return members;
  if (early.size >= MOST_EARLY) early.clear();
  early.add(version);
  let held = members.receiptsVersion;
  while (early.delete(held + 1)) held++;
  for (const one of early) if (one <= held) early.delete(one);
  return held === members.receiptsVersion ? members : { ...members, receiptsVersion: held };
}

/** Whether somebody's coming further could change a tick of a message of mine. */
export function ticksMayMove(
  members: MembersRecord,
  mine: string,
  own: SentRecord | null,
): boolean {
  if (own === null) return false;
  // A person who has read my newest has read those before it, but for some whose key was missing.
  const lacking = members.members.some(({ lacks }) => lacks.length > 0);
  return lacking || statusOf(members, mine, own) !== "read";
}

/** The seq above which messages may have other ticks; everything's when the people are others. */
export function lowestMoved(was: MembersRecord, is: MembersRecord): number {
  const before = new Map(was.members.map((member) => [member.personId, member]));
  let lowest = before.size === is.members.length ? Infinity : 0;
  for (const { personId, deliveredSeq, readSeq, lacks, devices } of is.members) {
    const known = before.get(personId);
    if (known === undefined || !sameKeys(lacks, known.lacks) || devices !== known.devices) return 0;
    if (deliveredSeq !== known.deliveredSeq) lowest = Math.min(lowest, known.deliveredSeq);
    if (readSeq !== known.readSeq) lowest = Math.min(lowest, known.readSeq);
  }
  return lowest;
}
