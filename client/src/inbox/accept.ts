/**
 * R8 and R9: what becomes of a judged entry. Everything goes into one {@link UnitOfWork}: content, chain,
 * counts and the log's place are stored together or not at all.
 */
import { calledPerson } from "../conversation/called-people.ts";
import { isUnread } from "../conversation/record.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import { encodeContent, isShown, pointersOf, type Decoded } from "../kinds/content.ts";
import { callOf } from "../kinds/called.ts";
import type { OwnContent } from "../kinds/own.ts";
import { idOf, type DeviceId, type KeyId, type MessageId, type PersonId } from "../ids.ts";
import { keyReference } from "../keys/conversation-key.ts";
import { Forked, Refused } from "../keys/format/refused.ts";
import { MESSAGE_KIND, type Header } from "../keys/message.ts";
import { acceptedMessage } from "../messages/outgoing.ts";
import { notice, noticeId, noticeMessage } from "../conversation/messages.ts";
import { STORES } from "../records.ts";
import type { AttachmentRecord, MessageRecord, NoticeRecord, PendingRecord } from "../records.ts";
import { noteOrder } from "../orders/noting.ts";
import { judgeEarlier, rightful, saysTheSame, type Rightful } from "../orders/rightful.ts";
import { raiseFloor } from "./floors.ts";
import { acceptedName, type UncheckedEntry, type Judgement, type Vouched } from "./judge.ts";
import { takeMark, type Receiving } from "./taking-marks.ts";
import { handOver, lastWords } from "./waiting.ts";
import { isDeclared, isLasting, markedBy } from "../messages/declared.ts";
import { withDeletion } from "../messages/deletions.ts";
import { withEdits } from "../messages/edits.ts";
import { noteLive } from "../messages/marks.ts";
import { noteReply } from "../messages/replies.ts";
import { applyState } from "../messages/state.ts";

/** Refused entries kept at most, to be judged again when something has changed. */
const MOST_REFUSED = 500;

/** Take in a judged entry. `before`: how it was pending until now. */
export async function accept(
  receiving: Receiving,
  entry: UncheckedEntry,
  judgement: Judgement,
  before: PendingRecord | null,
): Promise<void> {
  const { work, known } = receiving;
  if (judgement.kind === "refused") return refuse(receiving, entry, judgement, before);
  const held = known.get(idOf<MessageId>(judgement.header.message));
  // R5: the id belongs to the message that has it here, also to one that waits to be sent.
  const marks = judgement.header.kind >= MESSAGE_KIND.edit;
  if (held !== undefined && (marks || held.senderId !== judgement.leaf.person)) {
    const refusal = new Forked("R5", "another message has this id");
    const personId = judgement.leaf.person;
    return refuse(receiving, entry, { kind: "refused", refusal, personId }, before);
  }
  const { header, leaf } = judgement;
  if (header.kind === MESSAGE_KIND.deletion) {
    // A deletion needs its header alone: body and key may be missing.
    await noteVouched(receiving, entry, judgement);
    if (before !== null) settle(receiving, entry, before);
    const what = { mark: "deletion" } as const;
    const content = { kind: "mark", messageId: markedBy(header), what } as const;
    await takeMark(receiving, entry, judgement, content, encodeContent(content));
    await takeBack(receiving, entry, header);
    return;
  }
  if (judgement.kind === "keyless") {
    await noteVouched(receiving, entry, judgement);
    receiving.missing.add(judgement.keyId);
    if (before?.why === "key") return;
    if (before !== null) lessRefused(work);
    work.set({ waiting: work.record.waiting + 1 });
    keep(receiving, entry, { why: "key", keyId: judgement.keyId, personId: leaf.person });
    return;
  }
  if (judgement.kind === "bodyless") {
    await noteVouched(receiving, entry, judgement);
    if (before !== null) settle(receiving, entry, before);
    if (header.kind === MESSAGE_KIND.edit) {
      const what = { mark: "edit", text: null, mentions: [] } as const;
      await takeMark(receiving, entry, judgement, { messageId: markedBy(header), what }, null);
    }
    const own = await takeBack(receiving, entry, header);
    if (!own && header.kind !== MESSAGE_KIND.edit) await showBodyless(receiving, entry, judgement);
    return;
  }
  const head = await receiving.conversation.heads.find(work, header.epoch);
  const devices = head?.devices ?? Infinity;
  const said = await rightful(receiving.context.vault, work, judgement.plaintext, leaf, devices);
  if (!isDeclared(header, said.written)) {
    const refusal = new Refused("R7", "another kind than the header says");
    return refuse(receiving, entry, { kind: "refused", refusal, personId: leaf.person }, before);
  }
  // R5: what a person has read stays as it is; a message that goes out again says the same.
  if (held !== undefined && !saysTheSame(held, said)) {
    const refusal = new Forked("R5", "other words than the message of this id has");
    return refuse(receiving, entry, { kind: "refused", refusal, personId: leaf.person }, before);
  }
  await noteVouched(receiving, entry, judgement);
  if (before !== null) settle(receiving, entry, before);
  const messageId = idOf<MessageId>(header.message);
  const { content } = said;
  if (content.kind === "state") {
    const { position, sentMs } = entry;
    const at = { messageId, position, sentMs, leaf, header, k: judgement.k };
    await applyState(receiving.context, work, content, at);
    await takeBack(receiving, entry, header);
    return;
  }
  if (content.kind === "own") {
    await takeOwn(receiving, entry, leaf.person, content);
    await takeBack(receiving, entry, header);
    return;
  }
  if (content.kind === "mark") {
    await takeMark(receiving, entry, judgement, content, said.bytes);
    await takeBack(receiving, entry, header);
    return;
  }
  if (content.kind === "live") {
    const device = idOf<DeviceId>(header.sender);
    await noteLive(receiving.conversation, work, messageId, device, entry.position);
  }
  await note(receiving, entry, judgement, content);
  if (content.kind === "order")
    await judgeEarlier(receiving.context.vault, work, receiving.known, messageId);
  if (await takeBack(receiving, entry, header)) return;
  if (isHidden(receiving, entry, leaf.person, messageId, isLasting(content))) return;
  await show(receiving, entry, judgement, said, before);
}

/** Items count from this person's devices alone, in the conversation of the person with oneself. */
async function takeOwn(
  { context, oneself, work }: Receiving,
  { sentMs }: UncheckedEntry,
  personId: PersonId,
  { items }: OwnContent,
): Promise<void> {
  const own = context.identity().personId;
  if (personId === own && work.record.directPersonId === own) await oneself.take(items, sentMs);
}

/** Whether this person wants no message of somebody's, or has deleted this one for oneself. */
function isHidden(
  { conversation, oneself }: Receiving,
  { position: order, sentMs }: UncheckedEntry,
  personId: PersonId,
  messageId: MessageId,
  lasting: boolean,
): boolean {
  const { id } = conversation;
  if (oneself.isBlocked(personId) || oneself.clears(id, { order, sentMs })) return true;
  return !lasting && oneself.isGone(id, messageId);
}

/**
 * Orders are noted no matter who wrote them: somebody who blocks the issuer owes them all the same.
 */
function note(
  { context, work, onOrder }: Receiving,
  { position: seq, sentMs }: UncheckedEntry,
  { header, leaf }: Vouched,
  content: Decoded,
): Promise<void> {
  const messageId = idOf<MessageId>(header.message);
  const noting = {
    vault: context.vault,
    self: context.identity().personId,
    nowMs: context.time.now() ?? context.now(),
    onNoted: onOrder,
  };
  const noted = { messageId, seq, sentMs, content };
  const { person: personId, rights } = leaf;
  return noteOrder(noting, work, { ...noted, personId, rights, headerHash: header.hash });
}

/** A message of this device's has come back: the server accepted it. */
async function takeBack(
  { context, conversation, outgoing, work, known, onAccepted }: Receiving,
  entry: UncheckedEntry,
  header: Header,
): Promise<boolean> {
  const messageId = idOf<MessageId>(header.message);
  const key = idOf<KeyId>(header.key);
  const accepted = { seq: entry.position, sentMs: entry.sentMs, key };
  const own = outgoing.find(messageId);
  const sentHere = idOf<DeviceId>(header.sender) === context.identity().device;
  if (sentHere && own?.conversationId === conversation.id && own.message !== null) {
    await acceptedMessage(context, outgoing, conversation, work, own, accepted);
    work.afterwards.push(() => onAccepted(conversation));
    return true;
  }
  return known.get(messageId)?.seq === entry.position;
}

async function noteVouched(
  receiving: Receiving,
  entry: UncheckedEntry,
  judgement: Vouched,
): Promise<void> {
  const { work } = receiving;
  const { alarm, gap, leaf } = judgement;
  await noteChain(receiving, entry, judgement);
  if (alarm && work.record.alarm === null) {
    work.set({ alarm: "log_differs" });
    tell(work, entry, 0.2, notice("log_differs", { by: leaf.person }));
  }
  if (gap) tell(work, entry, -0.1, notice("gap", { by: leaf.person }));
}

async function noteChain(
  { context, conversation, work }: Receiving,
  entry: UncheckedEntry,
  { header }: Vouched,
): Promise<void> {
  const { position } = entry;
  await raiseFloor(context, conversation, work, { position, epoch: header.epoch });
  const row = {
    sender: header.sender,
    seq: header.seq,
    messageId: idOf<MessageId>(header.message),
    attempt: header.attempt,
    epoch: header.epoch,
    previous: header.previous,
    hash: header.hash,
    position,
    signedMs: header.sent,
    ...(header.kind === MESSAGE_KIND.deletion ? { deletes: markedBy(header) } : {}),
  };
  conversation.accepted.put(work, acceptedName(header, header.seq), row, position);
  const { chain } = work.record;
  if (!entry.old) conversation.accepted.put(work, acceptedName(header, null), row, position);
  // S7: this device's own message that it does not remember, after its state was lost.
  const own = idOf<DeviceId>(header.sender) === context.identity().device;
  if (own && header.seq > chain.seq) work.set({ chain: { seq: header.seq, hash: header.hash } });
}

async function show(
  { context, conversation, work, known }: Receiving,
  entry: UncheckedEntry,
  { leaf, header, gap }: Extract<Judgement, { kind: "opened" }>,
  { content, bytes, notOrder }: Rightful,
  before: PendingRecord | null,
): Promise<void> {
  const { personId } = context.identity();
  const mine = leaf.person === personId;
  const messageId = idOf<MessageId>(header.message);
  const held = known.get(messageId);
  if (held?.deletion !== undefined) return moveDeleted(work, known, entry, held);
  const shown = held?.senderId === leaf.person;
  // Marks come before a message that is read backwards, waited for its key or was sent again.
  const marked = entry.old || before !== null || shown;
  const marks = marked ? await conversation.marks.get(work, messageId) : null;
  const unedited: MessageRecord = {
    messageId,
    conversationId: conversation.id,
    order: entry.position,
    seq: entry.position,
    senderId: leaf.person,
    mine,
    sentMs: entry.sentMs,
    content: bytes,
    notice: null,
    failure: null,
    ...(mine ? { key: keyReference(idOf(header.key)) } : {}),
    ...(notOrder ? { notOrder } : {}),
  };
  const edited = withEdits(unedited, [...(held?.edits ?? []), ...(marks?.edits ?? [])]);
  const message = withDeletion(edited, marks?.deletions ?? []);
  work.put(message, held);
  known.set(messageId, message);
  await noteReply(context, conversation, work, message);
  if (message.deletion !== undefined) return conversation.marks.delete(work, messageId);
  for (const pointer of pointersOf(content)) {
    // Known by id means the same key and size (kinds/fields.ts): forwarded, or our own come back.
    const stored = await context.vault.get(STORES.attachments, pointer.id);
    if (stored !== null && !work.droppedFiles.includes(pointer.id)) continue;
    const record: AttachmentRecord = {
      attachmentId: pointer.id,
      conversationId: conversation.id,
      messageId: message.messageId,
      pointer,
      upload: "none",
      local: false,
    };
    const place = { store: STORES.attachments, key: pointer.id, group: conversation.id };
    work.changes.push({ op: "put", ...place, value: record });
  }
  if (mine || !isShown(content)) return;
  const called = callOf(content, await calledPerson(context, personId)) !== null;
  noteNews(work, entry, called || content.kind === "order");
  if (context.program !== undefined) {
    // Sent again, because the server lost it: handled once.
    if (shown) return;
    const said = { ...message, content: lastWords(message) };
    handOver(context.program, work, entry, said, { header, leaf, gap });
    return;
  }
  // A message that waited for its key is news, also to a person who has read what came after it.
  const late = before?.why === "key" && !entry.old;
  const { position: seq, sentMs } = entry;
  if (!isUnread(work.record, { seq, sentMs }) && !late) return;
  // Sent again, because the server lost it: shown in its new place, and told once.
  if (shown) return;
  work.set({
    unread: work.record.unread + 1,
    mentions: work.record.mentions + Number(called),
  });
  if (entry.old) return;
  // An urgent order calls everybody.
  const urgent = content.kind === "order" && content.priority !== "routine";
  work.fresh.push({ messageId, calls: called || urgent, reaction: null });
}

/** R11: a message whose body the server does not have, deleted or withheld. */
async function showBodyless(
  receiving: Receiving,
  entry: UncheckedEntry,
  { leaf, header }: Vouched,
): Promise<void> {
  const { conversation, context, known, work } = receiving;
  const messageId = idOf<MessageId>(header.message);
  const lasting = header.kind === MESSAGE_KIND.kept;
  if (isHidden(receiving, entry, leaf.person, messageId, lasting)) return;
  const held = known.get(messageId);
  if (held?.deletion !== undefined) return moveDeleted(work, known, entry, held);
  const { position, sentMs } = entry;
  const marks = await conversation.marks.get(work, messageId);
  const bare: MessageRecord = {
    ...{ content: null, notice: null, failure: null },
    ...held,
    ...{ messageId, conversationId: conversation.id, order: position, seq: position, sentMs },
    ...{ senderId: leaf.person, mine: leaf.person === context.identity().personId },
    ...(lasting ? { kept: true } : {}),
  };
  const message = withDeletion(bare, marks?.deletions ?? []);
  work.put(message, held);
  known.set(messageId, message);
  if (message.deletion !== undefined) conversation.marks.delete(work, messageId);
  // The words are withheld, so the message may have been an order: `kept` in its header says that.
  else if (!message.mine) noteNews(work, entry, lasting);
}

/** Note a message of somebody else, or its header alone: it brings an archived conversation back. */
function noteNews(work: UnitOfWork, { position, sentMs }: UncheckedEntry, calls: boolean): void {
  const { newsSeq, calledSeq } = work.record;
  if (position > newsSeq) work.set({ newsSeq: position, newsMs: sentMs });
  if (calls && position > calledSeq) work.set({ calledSeq: position, calledMs: sentMs });
}

/** M3: a message that was deleted here stays so at a later position, also one that its author sends again. */
function moveDeleted(
  work: UnitOfWork,
  known: Map<MessageId, MessageRecord>,
  { position, sentMs }: UncheckedEntry,
  held: MessageRecord,
): void {
  const moved = { ...held, order: position, seq: position, sentMs };
  work.put(moved, held);
  known.set(held.messageId, moved);
}

function keep(
  { conversation, work }: Receiving,
  entry: UncheckedEntry,
  how: Pick<PendingRecord, "why" | "keyId" | "personId">,
): void {
  const { position, sentMs, message, old } = entry;
  const row: PendingRecord = { position, sentMs, message, old, ...how };
  conversation.pending.put(work, row);
}

/** It is pending no longer. */
function settle(
  { conversation, work }: Receiving,
  entry: UncheckedEntry,
  before: PendingRecord,
): void {
  conversation.pending.delete(work, entry.position);
  if (before.why === "refused") return lessRefused(work);
  work.set({ waiting: Math.max(0, work.record.waiting - 1) });
}

function lessRefused(work: UnitOfWork): void {
  const { refused } = work.record;
  if (refused === null) return;
  work.set({ refused: refused.count <= 1 ? null : { ...refused, count: refused.count - 1 } });
}

async function refuse(
  receiving: Receiving,
  entry: UncheckedEntry,
  { refusal, personId }: Extract<Judgement, { kind: "refused" }>,
  before: PendingRecord | null,
): Promise<void> {
  const { work } = receiving;
  if (before?.why === "refused") return;
  if (before !== null) settle(receiving, entry, before);
  const count = (work.record.refused?.count ?? 0) + 1;
  const { rule, message: reason } = refusal;
  work.set({ refused: { count, rule, reason, position: entry.position } });
  if (refusal instanceof Forked) work.set({ alarm: work.record.alarm ?? "forked" });
  if (count <= MOST_REFUSED)
    keep(receiving, entry, { why: "refused", keyId: idOf(new Uint8Array()), personId });
}

/** A notice beside an entry. The entry's id is the notice's id, so the conversation shows it once. */
function tell(work: UnitOfWork, entry: UncheckedEntry, beside: number, what: NoticeRecord): void {
  const { conversationId } = work.record;
  const { position, sentMs } = entry;
  const at = { seq: position, order: position + beside, sentMs };
  work.put(noticeMessage(conversationId, noticeId(what.kind, position), at, what));
}
