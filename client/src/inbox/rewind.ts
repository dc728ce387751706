/**
 * The server's log is another one than this device's: it was restored from a backup, or it lies.
 *
 * Either way this device goes back to the last position that both have, follows the server's log from
 * there, and posts again what of its own the log lost, with the next attempt (S6). Whether people are
 * told of a restored log or see an alarm (R4) depends on the roster authority: when operators restore
 * a backup it signs heads whose epochs are far above all that were lost. Messages of other
 * devices stay shown; one that is posted again takes its new place and is not counted anew.
 *
 * Everything is one transaction; a crash before it does it all again.
 */
import type { Conversation } from "../conversation/conversation.ts";
import { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { encodeContent } from "../kinds/content.ts";
import type { Content } from "../kinds/content.ts";
import { hash, ZEROS } from "../keys/format/hashing.ts";
import { HeaderFormat, SIGNED_HEADER_BYTES, nextLogHash } from "../keys/message.ts";
import { equalBytes } from "../octets.ts";
import { acceptedName } from "./judge.ts";
import { loadMessage, notice, noticeId, noticeMessage } from "../messages/messages.ts";
import { putOutgoing } from "../messages/outgoing.ts";
import type { OutgoingStore } from "../messages/outgoing.ts";
import type { AcceptedRecord, MessageRecord, OwnChain, ReadyMessage } from "../records.ts";

const PAGE = 200;
/** So far above the lost epochs are those that the roster authority signs after a restore. */
const RESTORED_EPOCHS = 500;

/** Go back to the last common position. Inside the queue. */
export async function rewind(
  context: DeviceContext,
  conversation: Conversation,
  outgoing: OutgoingStore,
  lastSeq: number,
): Promise<void> {
  const { log, namedEpoch } = conversation.record;
  if (log === null) return;
  const common = await commonPlace(context, conversation, Math.min(lastSeq, log.cursor));
  const { head: bytes } = await context.api.head(conversation.id);
  const work = new UnitOfWork(conversation);
  const head = await conversation.heads.take(work, bytes);
  const restored = head.epoch >= namedEpoch + RESTORED_EPOCHS;
  const { readSeq, history } = work.record;
  const from = Math.min(history?.from ?? Infinity, common.seq + 1);
  work.set({
    log: { cursor: common.seq, hash: common.hash, epoch: 0 },
    readSeq: Math.min(readSeq, common.seq),
    chain: await ownChain(context, conversation),
    history: history === null ? null : { ...history, from, hash: common.hash },
    ...(restored ? {} : { alarm: work.record.alarm ?? "log_differs" }),
  });
  const lost = await dropRows(context, conversation, work, common.seq);
  for (const row of lost) await queueAgain(context, conversation, work, outgoing, row);
  const at = { seq: common.seq, order: common.seq + 0.95, sentMs: context.now() };
  const what = notice(restored ? "restored" : "log_differs");
  const messageId = noticeId(what.kind, head.epoch, common.seq);
  work.put(noticeMessage(conversation.id, messageId, at, what));
  await conversation.store(work, true);
}

interface Place {
  readonly seq: number;
  readonly hash: Uint8Array;
}

/** The highest position, at most `end`, where both logs have one hash; 0 where there is none. */
async function commonPlace(
  context: DeviceContext,
  conversation: Conversation,
  end: number,
): Promise<Place> {
  let before = end + 1;
  while (before > 1) {
    const page = await context.api.logBefore(conversation.id, before, PAGE);
    let at: Uint8Array = page.logHash;
    let common: Place | null = null;
    for (const { seq, message } of page.entries) {
      at = nextLogHash(at, hash(message.subarray(0, SIGNED_HEADER_BYTES)));
      const own = await conversation.log.get(null, String(seq));
      if (own !== null && equalBytes(own.hash, at)) common = { seq, hash: at };
    }
    if (common !== null) return common;
    const [first] = page.entries;
    // Nothing that this device may read is left, or nothing was ever common: the server's is taken.
    if (first === undefined) return { seq: end, hash: page.logHash };
    if (!page.more) return { seq: first.seq - 1, hash: page.logHash };
    before = first.seq;
  }
  return { seq: 0, hash: ZEROS };
}

/** This device's own chain as the server has it, verified; it may be lower than here. */
async function ownChain(context: DeviceContext, conversation: Conversation): Promise<OwnChain> {
  const { header: bytes } = await context.api.chain(conversation.id);
  if (bytes === null) return { seq: 0, hash: ZEROS };
  const header = HeaderFormat.parse(bytes);
  const { device, personId } = context.identity();
  const certificate = await context.trust.certificateOf(personId, device);
  if (certificate === null) return conversation.record.chain;
  await HeaderFormat.verify(header, certificate.publicKey);
  return { seq: header.seq, hash: header.hash };
}

/** Forget what stands on lost positions. Returns this device's own messages there, in order. */
async function dropRows(
  context: DeviceContext,
  { accepted, pending, log }: Conversation,
  work: UnitOfWork,
  upTo: number,
): Promise<readonly AcceptedRecord[]> {
  const own: AcceptedRecord[] = [];
  const { deviceBytes } = context.identity();
  for (const row of await accepted.all()) {
    if (row.position <= upTo) continue;
    for (const seq of [row.seq, null]) {
      const name = acceptedName({ sender: row.sender }, seq);
      const stored = await accepted.get(work, name);
      if (stored !== null && stored.position > upTo) accepted.delete(work, name);
    }
    const known = own.some(({ messageId }) => messageId === row.messageId);
    if (equalBytes(row.sender, deviceBytes) && !known) own.push(row);
  }
  for (const row of await pending.all()) {
    if (row.position <= upTo) continue;
    pending.delete(work, row.position);
    if (row.why === "key") work.set({ waiting: Math.max(0, work.record.waiting - 1) });
  }
  const cursor = await log.page(null, 1, true);
  const highest = cursor[0]?.position ?? upTo;
  for (let at = upTo + 1; at <= highest; at++) log.delete(work, String(at));
  return own.sort((a, b) => a.seq - b.seq);
}

/** A message that the log lost goes out again, as itself (S6). */
async function queueAgain(
  context: DeviceContext,
  conversation: Conversation,
  work: UnitOfWork,
  outgoing: OutgoingStore,
  { messageId, attempt }: AcceptedRecord,
): Promise<void> {
  if (outgoing.find(messageId) !== null) return;
  const { profile } = work.record;
  const message = await loadMessage(context.vault, conversation.id, messageId);
  const state = profile?.messageId === messageId;
  const content = state ? stateOf(work) : (message?.content ?? null);
  if (content === null) return;
  const order = outgoing.nextOrder(context.now());
  const record: ReadyMessage = {
    messageId,
    conversationId: conversation.id,
    order,
    content,
    attachmentIds: [],
    stage: "ready",
    seq: null,
    attempt,
    message: null,
    key: null,
    state,
    quiet: false,
  };
  work.changes.push(putOutgoing(record));
  work.afterwards.push(() => outgoing.set(record));
  if (message !== null && !state) {
    const queued: MessageRecord = { ...message, seq: null, order };
    work.put(queued);
  }
}

function stateOf(work: UnitOfWork): Uint8Array | null {
  const { profile } = work.record;
  if (profile === null) return null;
  const { version, title, photo, description, pins } = profile;
  const content: Content = { kind: "state", version, title, photo, description, pins };
  return encodeContent(content);
}
