/** Marks that the log brings: applied to their messages, told to authors, handed to programs. */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { Oneself } from "../oneself/oneself.ts";
import type { OutgoingStore } from "../messages/outgoing.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import { isUnread } from "../conversation/record.ts";
import { idOf, type KeyId, type MessageId, type PersonId } from "../ids.ts";
import { mayAdminister } from "../keys/roster/leaf.ts";
import type { Mark } from "../kinds/mark.ts";
import { applyMark, markedIn, type AppliedMark } from "../messages/marks.ts";
import { takesReactions } from "../messages/reactions.ts";
import type { ConversationRecord, MessageRecord } from "../records.ts";
import type { UncheckedEntry, Vouched } from "./judge.ts";
import { dropWaiting, handOver, reword } from "./waiting.ts";

/** The device and the unit of work into which judged entries are taken. */
export interface Receiving {
  readonly context: DeviceContext;
  readonly outgoing: OutgoingStore;
  readonly oneself: Oneself;
  readonly conversation: Conversation;
  readonly work: UnitOfWork;
  /** Messages that were stored before, by id. */
  readonly known: Map<MessageId, MessageRecord>;
  /** Conversation keys whose S is missing here: a share is asked for. */
  readonly missing: Set<KeyId>;
  /** An own message was accepted: the next can go. */
  readonly onAccepted: (conversation: Conversation) => void;
  /** An order is stored, or a change of one. */
  readonly onOrder: (orderId: MessageId) => void;
}

/** Take in a mark. `plaintext`: what a program is handed; null: the mark's body is missing. */
export async function takeMark(
  receiving: Receiving,
  entry: UncheckedEntry,
  judgement: Vouched,
  mark: AppliedMark,
  plaintext: Uint8Array | null,
): Promise<void> {
  const { context, conversation, work } = receiving;
  const { header, leaf } = judgement;
  const { position, sentMs } = entry;
  const { sender: device, sent: signedMs, epoch } = header;
  if (isPersonal(work.record, mark.what) && receiving.oneself.isBlocked(leaf.person)) return;
  const markId = idOf<MessageId>(header.message);
  const signer = { device, epoch, admin: mayAdminister(leaf), personId: leaf.person };
  await tellReaction(receiving, entry, mark, leaf.person);
  const { program } = context;
  const outdated = program === undefined ? [] : await outdatedBy(receiving, mark, leaf.person);
  await applyMark(context, conversation, work, mark, {
    ...signer,
    ...{ position, sentMs, signedMs, markId },
  });
  if (program === undefined || !(await isHeard(receiving, mark, position))) return;
  dropWaiting(work, outdated);
  const { messageId, what } = mark;
  // A handler that has not begun reads the last words.
  if (what.mark === "edit" && !(await reword(context, conversation, work, messageId))) return;
  if (leaf.person === context.identity().personId) return;
  const { id: conversationId } = conversation;
  const said = { conversationId, messageId: markId, sentMs, senderId: leaf.person };
  handOver(program, work, entry, { ...said, content: plaintext }, judgement);
}

/**
 * Positions of what no handler needs to read after a mark: all about a message that it deletes, or the
 * former reaction of its person.
 */
async function outdatedBy(
  { context, conversation, work }: Receiving,
  { messageId, what }: AppliedMark,
  personId: PersonId,
): Promise<readonly number[]> {
  if (what.mark !== "deletion" && what.mark !== "reaction") return [];
  const reactions = (await conversation.marks.get(work, messageId))?.reactions ?? [];
  if (what.mark === "reaction")
    return reactions.filter((one) => one.personId === personId).map(({ position }) => position);
  const marked = await markedIn(context.vault, conversation, work, messageId);
  const about = [...(marked?.edits ?? []), ...reactions].map(({ position }) => position);
  return marked?.seq == null ? about : [marked.seq, ...about];
}

/** Whether the mark at a position counts, and handlers hear of such marks. */
async function isHeard(
  { context, conversation, work }: Receiving,
  { messageId, what }: AppliedMark,
  at: number,
): Promise<boolean> {
  const marked = await markedIn(context.vault, conversation, work, messageId);
  if (what.mark === "deletion") return marked?.deletion?.position === at;
  if (what.mark === "edit") return marked?.edits?.some(({ position }) => position === at) === true;
  if (what.mark !== "reaction" || marked?.mine !== true) return false;
  const marks = await conversation.marks.get(work, messageId);
  const counts = marks?.reactions.some(({ position }) => position === at) === true;
  return counts && takesReactions(conversation, marked);
}

/** Tell an author of the first reaction of each other person to a message; changes of it are no news. */
async function tellReaction(
  { context, conversation, work }: Receiving,
  { position: seq, sentMs, old }: UncheckedEntry,
  { messageId, what }: AppliedMark,
  personId: PersonId,
): Promise<void> {
  if (what.mark !== "reaction" || what.emoji === null || old) return;
  if (personId === context.identity().personId || !isUnread(work.record, { seq, sentMs })) return;
  const marked = await markedIn(context.vault, conversation, work, messageId);
  if (marked?.mine !== true || !takesReactions(conversation, marked)) return;
  const known = await conversation.marks.get(work, messageId);
  if (known?.reactions.some((one) => one.personId === personId) === true) return;
  work.fresh.push({ messageId, calls: false, reaction: { personId, emoji: what.emoji } });
}

/** Somebody who blocks a person sees no such mark of that person's. A group's pins are the group's. */
function isPersonal({ directPersonId }: ConversationRecord, { mark }: Pick<Mark, "mark">): boolean {
  if (mark === "pin") return directPersonId !== null;
  return mark === "edit" || mark === "reaction";
}
