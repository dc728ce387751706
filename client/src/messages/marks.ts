/**
 * Marks on messages, as stored: the newest facts of each person, whether they count or not; pins in the
 * conversation's record (pins.ts). The
 * message may come after its marks (older messages are fetched newest first), so poll-count.ts,
 * reactions.ts, edits.ts and deletions.ts judge them beside it. Edits and deletions that count are stored
 * with their message.
 */
import type { Conversation } from "../conversation/conversation.ts";
import { withDraft } from "../conversation/record.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { idOf, type DeviceId, type MessageId, type PersonId, type SealKeyId } from "../ids.ts";
import { ballotKeyId, openBallot } from "../keys/ballot.ts";
import { Refused } from "../keys/format/refused.ts";
import { decodeContent } from "../kinds/content.ts";
import type { Mark, MarkContent } from "../kinds/mark.ts";
import { fromHex } from "../octets.ts";
import { byPosition } from "../mark-records.ts";
import type {
  DeletionRecord,
  EditRecord,
  MarkFact,
  MarksRecord,
  VoteRecord,
} from "../mark-records.ts";
import type { MessageRecord, NoticeRecord, OutgoingRecord } from "../records.ts";
import type { RefusedKind } from "../seam/messages.ts";
import { withDeletion } from "./deletions.ts";
import { withEdits } from "./edits.ts";
import { leaveFiles } from "../conversation/files.ts";
import {
  answeredBy,
  loadMessage,
  messagesAbove,
  notice,
  noticeId,
  noticeMessage,
} from "../conversation/messages.ts";
import { mayPin, withPin } from "./pins.ts";
import { NO_MARKS } from "./poll-count.ts";
import type { Vault } from "../vault/vault.ts";

/**
 * Votes kept of one person: votes that come after the end count for nothing, earlier ones may
 * count.
 */
const MOST_VOTES = 8;
/**
 * Edits, and deletions, kept of one person before the message is known: those from before it count for
 * nothing.
 */
const MOST_EARLY = 16;
/** People whose marks on one message are kept. */
const MOST_PEOPLE = 512;
/** Newest messages in which edits are looked for that the log has lost. */
const MOST_EDITED = 1_000;

/** A mark with its place in the log. */
export interface MarkAt extends MarkFact {
  /** The device that signed it, the epoch of its header, and whether its leaf has the admin right. */
  readonly device: Uint8Array;
  readonly epoch: number;
  readonly admin: boolean;
  /** The message that carries it. */
  readonly markId: MessageId;
}

/** A mark, or an edit whose words are missing (R11). */
export interface AppliedMark extends Pick<MarkContent, "messageId"> {
  readonly what: Mark | (Pick<EditRecord, "text" | "mentions"> & { readonly mark: "edit" });
}

/** Take in a mark. Safe to do again: from the answer to the POST and from the log. */
export async function applyMark(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  { messageId, what }: AppliedMark,
  { device, epoch, admin, markId, ...at }: MarkAt,
): Promise<void> {
  const marked = await markedIn(context.vault, conversation, work, messageId);
  // A deletion outweighs all that comes after it.
  if (marked?.deletion !== undefined) return;
  const before: MarksRecord = (await conversation.marks.get(work, messageId)) ?? {
    messageId,
    ...NO_MARKS,
  };
  let next = before;
  switch (what.mark) {
    case "vote":
      next = { ...before, votes: withVote(before.votes, { ...at, ...what, sealed: false }) };
      break;
    case "ballot": {
      const choices = await openSealed(context, conversation, messageId, device, what.seals);
      // Sealed to this device, and yet it does not open: a ballot that was copied, or rubbish.
      if (choices === "void") break;
      next = { ...before, votes: withVote(before.votes, { ...at, choices, sealed: true }) };
      break;
    }
    case "close":
      next = { ...before, closed: withFact(before.closed, at, false) };
      break;
    case "accept": {
      const { answerId } = what;
      next = { ...before, accepted: withFact(before.accepted, { ...at, answerId }, true) };
      break;
    }
    case "edit": {
      const edit = { ...at, markId, text: what.text, mentions: what.mentions };
      if (marked !== null) return work.put(withEdits(marked, [...(marked.edits ?? []), edit]));
      next = { ...before, edits: withOldest(before.edits, edit) };
      break;
    }
    case "pin": {
      const pin = { ...at, messageId, pinned: what.pinned, device: idOf<DeviceId>(device), epoch };
      if (mayPin(work.record, admin)) work.set({ pins: withPin(work.record.pins, pin) });
      break;
    }
    case "deletion": {
      const deletion = { ...at, admin: admin && work.record.directPersonId === null };
      if (marked !== null) return putDeleted(context, conversation, work, marked, deletion);
      next = { ...before, deletions: withOldest(before.deletions, deletion) };
      break;
    }
    case "reaction": {
      const { emoji } = what;
      next = { ...before, reactions: withFact(before.reactions, { ...at, emoji }, true) };
      break;
    }
    case "totals": {
      const { counts, ballots } = what;
      next = { ...before, totals: withFact(before.totals, { ...at, counts, ballots }, true) };
      break;
    }
  }
  if (next === before) return;
  conversation.marks.put(work, messageId, next, at.position);
  if (marked !== null) work.messages.push(marked);
}

/** M3: take the message off this device, with its files and all marks on it, if the deletion counts. */
async function putDeleted(
  { vault }: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  marked: MessageRecord,
  deletion: DeletionRecord,
): Promise<void> {
  const left = withDeletion(marked, [deletion]);
  if (left === marked) return;
  const { messageId } = marked;
  work.put(left);
  conversation.marks.delete(work, messageId);
  // Other words for it may repeat its own.
  const edit = `edit/${messageId}` as const;
  if (work.record.formDrafts?.[edit] !== undefined) work.set(withDraft(work.record, edit, null));
  await leaveFiles(vault, work, marked);
  await dropReply(vault, conversation, work, marked);
}

/** A deleted message is no reply any more. */
async function dropReply(
  vault: Vault,
  conversation: Conversation,
  work: UnitOfWork,
  deleted: MessageRecord,
): Promise<void> {
  const answered = answeredBy(deleted);
  const before = answered === null ? null : await conversation.marks.get(work, answered);
  if (answered === null || before === null) return;
  const replies = before.replies.filter(({ messageId }) => messageId !== deleted.messageId);
  if (replies.length === before.replies.length) return;
  conversation.marks.put(work, answered, { ...before, replies }, deleted.seq ?? 0);
  const marked = await markedIn(vault, conversation, work, answered);
  if (marked !== null) work.messages.push(marked);
}

/**
 * The deletion at a position counts as its signer's rights now let it, under R2's raised floor. A message
 * whose deletion counts no more has lost its words here: it shows as withheld (R11).
 */
export async function judgeDeletion(
  { vault }: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  messageId: MessageId,
  position: number,
  rights: { readonly listed: boolean; readonly admin: boolean },
): Promise<void> {
  const judged = (one: DeletionRecord): readonly DeletionRecord[] => {
    if (one.position !== position) return [one];
    return rights.listed ? [{ ...one, admin: one.admin && rights.admin }] : [];
  };
  const early = await conversation.marks.get(work, messageId);
  if (early !== null) {
    const deletions = early.deletions.flatMap(judged);
    conversation.marks.put(work, messageId, { ...early, deletions }, position);
  }
  const marked = await markedIn(vault, conversation, work, messageId);
  if (marked?.deletion?.position !== position) return;
  const { deletion, ...bare } = marked;
  work.put(withDeletion(bare, judged(deletion)));
}

/**
 * Tell this person, once, of an own mark or group's state that counts nowhere: the server refused it, or the
 * log has the mark too late. Its message, or the group, shows again what it showed before. Safe to do again.
 */
export async function tellUncounted(
  { vault, now }: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  { messageId: markId, content, order }: Pick<OutgoingRecord, "messageId" | "content" | "order">,
  refused: boolean,
): Promise<void> {
  const mark = decodeContent(content);
  const tell = (kind: RefusedKind, rest: Partial<Pick<NoticeRecord, "text" | "about">>): void => {
    const cursor = work.record.log?.cursor ?? 0;
    // Behind the newest message and the notice of a restore (inbox/rewind.ts), each at its own place, in the
    // order of writing: a page ends at a place.
    const beside = 0.97 + (order % 1_000_000) / 50_000_000;
    const at = { seq: cursor, order: cursor + beside, sentMs: now() };
    const said = notice(kind, rest);
    work.put(noticeMessage(conversation.id, noticeId(`refused.${markId}`), at, said));
  };
  if (mark.kind === "state") {
    const renamed = mark.title !== work.record.profile?.title;
    return tell("state_refused", { text: renamed ? mark.title : "" });
  }
  if (mark.kind !== "mark") return;
  const { messageId, what } = mark;
  const marked = await markedIn(vault, conversation, work, messageId);
  if (marked === null) return;
  work.messages.push(marked);
  // No person chose the totals of a poll: its author's device counts them.
  if (marked.deletion !== undefined || what.mark === "totals") return;
  const kind = what.mark === "edit" || what.mark === "deletion" ? what.mark : "mark";
  const edited = marked.edits?.some((one) => one.markId === markId) === true;
  if (!refused && (kind === "mark" || edited)) return;
  tell(`${kind}_refused`, what.mark === "edit" ? { text: what.text } : { about: messageId });
}

/** A stored message, or one of this unit of work, because a message and its mark may arrive together. */
export async function markedIn(
  vault: Vault,
  conversation: Conversation,
  work: UnitOfWork,
  messageId: MessageId,
): Promise<MessageRecord | null> {
  const here = work.messages.findLast((one) => one.messageId === messageId);
  return here ?? loadMessage(vault, conversation.id, messageId);
}

/**
 * Forget the marks at some positions, which the log has lost (S8) or whose signer was not listed (R2).
 * They are not sent again.
 */
export async function dropMarks(
  { vault }: Pick<DeviceContext, "vault">,
  conversation: Conversation,
  work: UnitOfWork,
  isGone: (position: number) => boolean,
): Promise<void> {
  type Placed = Pick<MarkFact, "position">;
  const kept = <F extends Placed>(facts: readonly F[]): readonly F[] =>
    facts.filter(({ position }) => !isGone(position));
  work.set({ pins: kept(work.record.pins) });
  for (const row of await conversation.marks.all()) {
    const { messageId, votes, closed, totals, accepted, reactions, edits, deletions, replies } =
      row;
    const all = [votes, closed, totals, accepted, reactions, edits, deletions, replies].flat();
    if (kept<Placed>(all).length === all.length) continue;
    const left = {
      ...row,
      votes: kept(votes),
      closed: kept(closed),
      totals: kept(totals),
      accepted: kept(accepted),
      reactions: kept(reactions),
      edits: kept(edits),
      deletions: kept(deletions),
      replies: kept(replies),
    };
    const last = Math.max(0, ...kept<Placed>(all).map(({ position }) => position));
    conversation.marks.put(work, messageId, left, last);
    const marked = await markedIn(vault, conversation, work, messageId);
    if (marked !== null) work.messages.push(marked);
  }
  // An edit is of the hour after its message.
  const stored = await messagesAbove(vault, conversation.id, 0, MOST_EDITED);
  const newest = new Map([...stored, ...work.messages].map((one) => [one.messageId, one]));
  for (const message of newest.values()) {
    const edits = message.edits ?? [];
    const left = kept(edits);
    if (left.length < edits.length) work.put({ ...message, edits: left });
  }
}

/** Note which device began a live position: its records alone count. */
export async function noteLive(
  conversation: Conversation,
  work: UnitOfWork,
  messageId: MessageId,
  device: DeviceId,
  position: number,
): Promise<void> {
  const before = (await conversation.marks.get(work, messageId)) ?? { messageId, ...NO_MARKS };
  conversation.marks.put(work, messageId, { ...before, device }, position);
}

/** The choices that a seal gives this device; null: none is for it; "void": that one is wrong. */
export async function openSealed(
  context: DeviceContext,
  conversation: Conversation,
  messageId: MessageId,
  voter: Uint8Array,
  seals: readonly Uint8Array[],
): Promise<readonly number[] | "void" | null> {
  const place = { conversation: fromHex(conversation.id), poll: fromHex(messageId), voter };
  for (const seal of seals) {
    const opener = await context.ownKeys.opener(idOf<SealKeyId>(ballotKeyId(seal)));
    if (opener === null) continue;
    try {
      return await openBallot(place, seal, opener);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return "void";
    }
  }
  return null;
}

function withVote(votes: readonly VoteRecord[], vote: VoteRecord): readonly VoteRecord[] {
  const others = votes.filter(({ position }) => position !== vote.position);
  const own = [...others.filter(({ personId }) => personId === vote.personId), vote];
  const kept = own.sort(byPosition).slice(-MOST_VOTES);
  if (isFull(votes, vote.personId)) return votes;
  return [...others.filter(({ personId }) => personId !== vote.personId), ...kept];
}

/** With one more fact about a message that is not known here; of a person's the oldest are kept. */
function withOldest<F extends MarkFact>(facts: readonly F[], fact: F): readonly F[] {
  const all = [...facts.filter(({ position }) => position !== fact.position), fact];
  const own = all.filter(({ personId }) => personId === fact.personId);
  const kept = own.sort(byPosition).slice(0, MOST_EARLY);
  if (isFull(facts, fact.personId)) return facts;
  return [...all.filter(({ personId }) => personId !== fact.personId), ...kept];
}

/** The fact of a person that counts: the newest, or the oldest. */
function withFact<F extends MarkFact>(facts: readonly F[], fact: F, newest: boolean): readonly F[] {
  const known = facts.find(({ personId }) => personId === fact.personId);
  if (known === undefined) return isFull(facts, fact.personId) ? facts : [...facts, fact];
  if (newest !== fact.position >= known.position) return facts;
  return [...facts.filter((one) => one !== known), fact];
}

function isFull(facts: readonly MarkFact[], personId: PersonId): boolean {
  const people = new Set(facts.map((one) => one.personId));
  return people.size >= MOST_PEOPLE && !people.has(personId);
}
