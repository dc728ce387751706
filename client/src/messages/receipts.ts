/** Receipts, who has received and read: pure judgements over members and their cursors. */
import type { MessageStatus } from "../core.ts";
import type { MembersRecord, SentRecord } from "../records.ts";
import { RECEIPT_PEOPLE } from "../wire.ts";
import type { Member, Receipt } from "../wire.ts";

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

/** `delivered` and `read` mean: by everybody it is for. */
export function statusOf(members: MembersRecord, mine: string, message: SentRecord): MessageStatus {
  const { counts } = message;
  if (counts !== undefined && counts.people > 0) {
    if (counts.read >= counts.people) return "read";
    return counts.delivered >= counts.people ? "delivered" : "sent";
  }
  const others = receivers(members, mine, message);
  if (others.length === 0 || members.members.length > RECEIPT_PEOPLE) return "sent";
  if (others.every(({ readSeq }) => readSeq >= message.seq)) return "read";
  if (others.every(({ deliveredSeq }) => deliveredSeq >= message.seq)) return "delivered";
  return "sent";
}

/** Members after receipts; cursors only grow. The same object when nothing changed. */
export function withReceipts(members: MembersRecord, receipts: readonly Receipt[]): MembersRecord {
  const news = new Map(receipts.map((receipt) => [receipt.personId, receipt]));
  let changed = false;
  const next = members.members.map((member) => {
    const receipt = news.get(member.personId);
    if (receipt === undefined) return member;
    const deliveredSeq = Math.max(member.deliveredSeq, receipt.deliveredSeq, receipt.readSeq);
    const readSeq = Math.max(member.readSeq, receipt.readSeq);
    if (deliveredSeq === member.deliveredSeq && readSeq === member.readSeq) return member;
    changed = true;
    return { ...member, deliveredSeq, readSeq };
  });
  return changed ? { ...members, members: next } : members;
}

/** The versions that an answer about members is of (wire.Conversation, wire.Members). */
export type MembersVersions = Pick<MembersRecord, "infoVersion" | "receiptsVersion">;

/** Members as fetched; an answer that receipts have overtaken takes no cursor back. */
export function withFetched(
  members: MembersRecord,
  fetched: readonly Member[],
  versions: MembersVersions,
): MembersRecord {
  const next = withReceipts({ ...members, members: fetched }, members.members).members;
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
  // A person who has read my newest has read those before it, and they were for no others.
  return own !== null && statusOf(members, mine, own) !== "read";
}

/** The seq above which messages may have other ticks; everything's when the people are others. */
export function lowestMoved(was: MembersRecord, is: MembersRecord): number {
  const before = new Map(was.members.map((member) => [member.personId, member]));
  let lowest = before.size === is.members.length ? Infinity : 0;
  for (const { personId, deliveredSeq, readSeq } of is.members) {
    const known = before.get(personId);
    if (known === undefined) return 0;
    if (deliveredSeq !== known.deliveredSeq) lowest = Math.min(lowest, known.deliveredSeq);
    if (readSeq !== known.readSeq) lowest = Math.min(lowest, known.readSeq);
  }
  return lowest;
}
