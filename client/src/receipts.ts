/** Who has received and read: pure judgements over members and their cursors. */
import type { MessageStatus } from "./core.ts";
import type { MembersRecord } from "./records.ts";
import type { Member, Receipt } from "./wire.ts";

/** The DS tells receipts in conversations of at most so many people. */
export const RECEIPT_PEOPLE = 256;

interface Sent {
  readonly seq: number;
  readonly sentMs: number;
}

/** The people a message of mine is for: with a device, and members when it was sent. */
export function receivers(
  members: MembersRecord,
  mine: string,
  message: Sent,
): readonly Member[] {
  const placed = new Set(members.placed);
  return members.members.filter(
    ({ personId, addedMs }) =>
      personId !== mine && placed.has(personId) && addedMs <= message.sentMs,
  );
}

/** `delivered` and `read` mean: by everybody it is for. */
export function statusOf(members: MembersRecord, mine: string, message: Sent): MessageStatus {
  const others = receivers(members, mine, message);
  if (others.length === 0 || members.members.length > RECEIPT_PEOPLE) return "sent";
  if (others.every(({ readSeq }) => readSeq >= message.seq)) return "read";
  if (others.every(({ deliveredSeq }) => deliveredSeq >= message.seq)) return "delivered";
  return "sent";
}

/** Members after receipts; cursors only grow. The same object when nothing changed. */
export function withReceipts(
  members: MembersRecord,
  receipts: readonly Receipt[],
): MembersRecord {
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

/** The seqs up to which everybody else has received and read. */
export function floors(
  members: MembersRecord,
  mine: string,
): { readonly delivered: number; readonly read: number } {
  const placed = new Set(members.placed);
  let delivered = Infinity;
  let read = Infinity;
  for (const member of members.members) {
    if (member.personId === mine || !placed.has(member.personId)) continue;
    delivered = Math.min(delivered, member.deliveredSeq);
    read = Math.min(read, member.readSeq);
  }
  return { delivered, read };
}
