/**
 * Going back in the log under a new Incarnation (S8): the department restored a backup of the server.
 *
 * Once under each Incarnation a device goes back to the last position that both have, continues its
 * own chain from where the server has it, follows the server's log from there, and sends again
 * those of its messages that the log lost, with the next attempt (S6). Messages of other devices
 * stay shown; one that is sent again takes its new place and is not counted again.
 *
 * A message goes out again automatically only if everybody who reads it then might read it when it
 * was first signed: no head was lost that rekeyed, which may have been a removal; the restored head
 * is not above the one under which it was signed, as it is where this device missed an Incarnation;
 * and, judged whenever it is signed (outbox/sending.ts), the newest head's latest history_from is
 * not after it. Otherwise it is shown as not sent, and its author decides. Keys that open nothing
 * of the log that is left are forgotten, so that nobody who was removed meanwhile asks for them
 * (H1).
 *
 * Everything is one transaction; a crash before it does it all again.
 */
import type { Conversation } from "../conversation/conversation.ts";
import { ownHeader } from "../conversation/own-chain.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import { decodeContent, encodeContent, pointersOf, type Content } from "../kinds/content.ts";
import type { MessageId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { hash, ZEROS } from "../keys/format/hashing.ts";
import { SIGNED_HEADER_BYTES, nextLogHash } from "../keys/message.ts";
import { equalBytes } from "../octets.ts";
import { dropMarks } from "../messages/marks.ts";
import { dropFloors } from "./floors.ts";
import { acceptedName } from "./judge.ts";
import {
  loadMessage,
  messagesAbove,
  notice,
  noticeId,
  noticeMessage,
} from "../conversation/messages.ts";
import { putOutgoing, type OutgoingStore } from "../messages/outgoing.ts";
import type {
  FailedMessage,
  MessageRecord,
  OwnChain,
  ReadyMessage,
  UploadingMessage,
} from "../records.ts";

const PAGE = 200;
const MOST_LOST = 1_000;
/** How often a message was signed that the log never showed here; it was less often than this. */
const UNSEEN_ATTEMPT = 31;

/** An own message that the log has no more. */
interface Lost {
  readonly messageId: MessageId;
  readonly attempt: number;
  /** The epoch of the head under which it was signed, or of one before that. */
  readonly epoch: number;
  /** When it was signed. */
  readonly signedMs: number;
}

/** Go back to the last common position, under the newest Incarnation. Inside the queue. */
export async function rewind(
  context: DeviceContext,
  conversation: Conversation,
  outgoing: OutgoingStore,
): Promise<void> {
  const { log } = conversation.record;
  if (log === null) return;
  const incarnation = context.incarnation();
  const common = await commonPlace(context, conversation, log.cursor);
  const work = new UnitOfWork(conversation);
  const restoredEpoch = await restoredTo(conversation, work, incarnation);
  const { readSeq, history, own } = work.record;
  const from = Math.min(history?.from ?? Infinity, common.seq + 1);
  await dropFloors(conversation, work, common.seq);
  const lost = await dropRows(context, conversation, work, common.seq);
  await dropMarks(context, conversation, work, (position) => position > common.seq);
  await conversation.keys.forgetLost(work, common.seq, incarnation);
  await conversation.cellKeys.forgetLost(work, incarnation);
  work.set({
    log: { cursor: common.seq, hash: common.hash },
    newsSeq: Math.min(work.record.newsSeq, common.seq),
    calledSeq: Math.min(work.record.calledSeq, common.seq),
    incarnation,
    standstill: false,
    readSeq: Math.min(readSeq, common.seq),
    own: own !== null && own.seq > common.seq ? null : own,
    chain: await ownChain(context, conversation, common.seq),
    history: history === null ? null : { ...history, from, hash: common.hash },
  });
  for (const row of lost)
    await queueAgain(context, conversation, work, outgoing, row, restoredEpoch);
  if (common.seq < log.cursor || lost.length > 0) {
    const at = { seq: common.seq, order: common.seq + 0.95, sentMs: context.now() };
    const messageId = noticeId("restored", incarnation, common.seq);
    work.put(noticeMessage(conversation.id, messageId, at, notice("restored")));
  }
  await conversation.store(work, true);
}

interface LogPosition {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** The highest position, at most `end`, where both logs have one hash; 0 where there is none. */
async function commonPlace(
  context: DeviceContext,
  conversation: Conversation,
  end: number,
): Promise<LogPosition> {
  let before = end + 1;
  while (before > 1) {
    const page = await context.api.log(conversation.id, { before: before, limit: PAGE });
    let at: Uint8Array = page.logHash;
    let common: LogPosition | null = null;
    for (const { seq, message } of page.entries) {
      at = nextLogHash(at, hash(message.subarray(0, SIGNED_HEADER_BYTES)));
      const own = await conversation.log.get(null, String(seq));
      if (own !== null && equalBytes(own.hash, at)) common = { seq, hash: at };
    }
    if (common !== null) return common;
    const [first] = page.entries;
    // Nothing that this device may read is left, or nothing was ever common: the server's is taken.
    if (first === undefined) return { seq: Math.min(end, page.lastSeq), hash: page.logHash };
    if (!page.more) return { seq: first.seq - 1, hash: page.logHash };
    before = first.seq;
  }
  return { seq: 0, hash: ZEROS };
}

/**
 * This device's own chain as the server has it, verified; it may be lower than here, but not below what
 * the log still shows.
 */
async function ownChain(
  context: DeviceContext,
  conversation: Conversation,
  upTo: number,
): Promise<OwnChain> {
  const { deviceBytes } = context.identity();
  let shown: OwnChain = { seq: 0, hash: ZEROS };
  for (const row of await conversation.accepted.all())
    if (row.position <= upTo && row.seq > shown.seq && equalBytes(row.sender, deviceBytes))
      shown = { seq: row.seq, hash: row.hash };
  const header = await ownHeader(context, conversation).catch((error: unknown) => {
    if (error instanceof Refused) return null;
    throw error;
  });
  return header !== null && header.seq >= shown.seq
    ? { seq: header.seq, hash: header.hash }
    : shown;
}

/** The epoch of the restored head; Infinity: the backup may have forgotten a removal. */
async function restoredTo(
  { heads }: Conversation,
  work: UnitOfWork,
  incarnation: number,
): Promise<number> {
  try {
    const begun = await heads.require(work, incarnation);
    return await heads.restoredEpoch(begun, work.record.incarnation);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return Infinity;
  }
}

/** Delete the messages on lost positions. Returns this device's own messages there, in order. */
async function dropRows(
  context: DeviceContext,
  { id, accepted, pending, log }: Conversation,
  work: UnitOfWork,
  upTo: number,
): Promise<readonly Lost[]> {
  const own = new Map<MessageId, Lost & { readonly seq: number }>();
  const seen = new Set<MessageId>();
  const { deviceBytes } = context.identity();
  let epoch = 0;
  for (const row of await accepted.all()) {
    const isOwn = equalBytes(row.sender, deviceBytes);
    if (isOwn) epoch = Math.max(epoch, row.epoch);
    seen.add(row.messageId);
    if (row.position <= upTo) continue;
    for (const seq of [row.seq, null]) {
      const name = acceptedName({ sender: row.sender }, seq);
      const stored = await accepted.get(work, name);
      if (stored !== null && stored.position > upTo) accepted.delete(work, name);
    }
    if (isOwn) own.set(row.messageId, row);
  }
  for (const row of await pending.all()) {
    if (row.position <= upTo) continue;
    pending.delete(work, row.position);
    if (row.why === "key") work.set({ waiting: Math.max(0, work.record.waiting - 1) });
  }
  const cursor = await log.page(null, 1, true);
  const highest = cursor[0]?.position ?? upTo;
  for (let at = upTo + 1; at <= highest; at++) log.delete(work, String(at));
  const lost: Lost[] = [...own.values()].sort((a, b) => a.seq - b.seq);
  // Accepted by the server after those, but never seen in the log.
  const newest = await messagesAbove(context.vault, id, upTo, MOST_LOST);
  for (const { mine, seq, messageId, sentMs } of [...newest].reverse())
    if (mine && seq !== null && seq > upTo && !seen.has(messageId))
      lost.push({ messageId, attempt: UNSEEN_ATTEMPT, epoch, signedMs: sentMs });
  return lost;
}

/**
 * A message that the log lost goes out again, as itself (S6); if it was signed under a head below the
 * restored one, when its author says so. The newest state goes out in any case: everybody who reads may know it (H3).
 */
async function queueAgain(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  outgoing: OutgoingStore,
  { messageId, attempt, epoch, signedMs }: Lost,
  restoredEpoch: number,
): Promise<void> {
  if (outgoing.find(messageId) !== null) return;
  const { profile } = work.record;
  const message = await loadMessage(context.vault, conversation.id, messageId);
  const state = profile?.messageId === messageId;
  const content = state ? stateOf(work) : (message?.content ?? null);
  if (content === null) return;
  const order = outgoing.nextOrder(context.now());
  const asked = !state && epoch < restoredEpoch;
  // The backup may lack the files too: the upload finds out which.
  const attachmentIds = pointersOf(decodeContent(content)).map(({ id }) => id);
  const again = attachmentIds.length > 0 && !state ? "uploading" : "ready";
  const record: UploadingMessage | ReadyMessage | FailedMessage = {
    messageId,
    conversationId: conversation.id,
    order,
    content,
    attachmentIds: state ? [] : attachmentIds,
    stage: asked ? "failed" : again,
    seq: null,
    attempt,
    message: null,
    key: null,
    state,
    quiet: false,
    ...(state ? {} : { signedMs }),
  };
  work.changes.push(putOutgoing(record));
  work.afterwards.push(() => outgoing.set(record));
  if (message !== null && !state) {
    const cause = asked ? failure("lost_by_restore").plain() : null;
    const queued: MessageRecord = { ...message, edits: [], seq: null, order, failure: cause };
    work.put(queued, message);
  }
}

function stateOf(work: UnitOfWork): Uint8Array | null {
  const { profile } = work.record;
  if (profile === null) return null;
  const { version, title, photo, description } = profile;
  const content: Content = { kind: "state", version, title, photo, description };
  return encodeContent(content);
}
