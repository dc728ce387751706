/** View models from records: everything the screens see is made here. */
import type { MessageId, PersonId } from "../ids.ts";
import type { Announcer, Views } from "./announcer.ts";
import type { Attachments } from "../attachments/attachments.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type {
  Barred,
  ConversationItem,
  MessageBody,
  MessageItem,
  MessageStatus,
  Notice,
  Plate,
  Preview,
  Progress,
  ReplyQuote,
} from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import { calledPerson } from "../conversation/called-people.ts";
import { callOf } from "../kinds/called.ts";
import { bodyOf, decodeContent, forwardsOf, mentionsOf, replyOf } from "../kinds/content.ts";
import type { Decoded } from "../kinds/content.ts";
import type { AttachmentPointer, ReplyPointer } from "../kinds/fields.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type {
  ConversationRecord,
  LastRecord,
  MessageRecord,
  NoticeRecord,
  PreviewRecord,
} from "../records.ts";
import { isMuted, mayCallEverybody, newsOf, readableFrom } from "../conversation/record.ts";
import type { BodySources } from "../kinds/kind.ts";
import { liveState } from "./live-state.ts";
import { isClosed } from "../training/training.ts";
import { pollState, type PollParts } from "./poll-state.ts";
import { questionState } from "./questions.ts";
import { deletableUntil, isHidden, withDeletion } from "./deletions.ts";
import { decodedOf, isWithheld, loadMessage } from "../conversation/messages.ts";
import { newestOf, quotedBy, shortOf } from "../conversation/messages.ts";
import { MOST_REPLIES } from "./replies.ts";
import { editableUntil, withEdits } from "./edits.ts";
import { pinnedIn, queuedMarksOn, type OutgoingStore } from "./outgoing.ts";
import { mayPin, type Pinned } from "./pins.ts";
import { reactionsOf } from "./reactions.ts";
import { statusOf } from "./receipts.ts";
import type { Oneself } from "../oneself/oneself.ts";

/** The reasons that keep this person from writing in conversations. */
export interface Closed {
  /** Groups of at least so many members are closed before the officer course. */
  readonly trainingFrom: () => number | null;
  readonly barred: (record: ConversationRecord) => Barred | null;
}

export class ViewMaker implements Views {
  readonly #context: DeviceContext;
  readonly #people: PeopleDirectory;
  readonly #outgoing: OutgoingStore;
  readonly #attachments: Attachments;
  readonly #onCounted: PollParts["onCounted"];
  readonly #closed: Closed;
  readonly #oneself: Oneself;
  /** A message that was forwarded so many times is labelled. */
  readonly #often: () => Promise<number>;

  constructor(
    context: DeviceContext,
    people: PeopleDirectory,
    outgoing: OutgoingStore,
    attachments: Attachments,
    announcer: Announcer,
    onCounted: PollParts["onCounted"],
    closed: Closed,
    oneself: Oneself,
    often: () => Promise<number>,
  ) {
    this.#context = context;
    this.#people = people;
    this.#outgoing = outgoing;
    this.#attachments = attachments;
    this.#onCounted = onCounted;
    this.#closed = closed;
    this.#oneself = oneself;
    this.#often = often;
    announcer.use(this);
  }

  async conversation(conversation: Conversation): Promise<ConversationItem> {
    await conversation.loadMembers();
    const { record } = conversation;
    const people = this.#people;
    // R10: a conversation that is not these two people's is shown as a group of strangers.
    const strange = record.alarm === "not_direct";
    const alarm = record.standstill ? "log_lost" : record.alarm;
    const open = record.state !== "left" && !strange;
    const mine = open && (record.whoMaySend === "everyone" || record.admin);
    const trainingFirst = mine && isClosed(this.#closed.trainingFrom(), record);
    const barred = mine ? this.#closed.barred(record) : null;
    const clearing = this.#oneself.isClearing(conversation.id, record.log?.cursor ?? 0);
    return {
      conversationId: record.conversationId,
      kind: strange ? "group" : record.kind,
      title: this.#profile(record)?.title ?? null,
      photo: await this.#photo(record),
      description: this.#profile(record)?.description ?? "",
      direct: strange ? null : await people.plate(record.directPersonId),
      some: await people.plates(record.some),
      members: record.members,
      audience: record.audience,
      standing: record.standing,
      post: await this.#post(record),
      unregistered: record.unregistered,
      devices: record.devices,
      historyDays: record.historyDays,
      historyFromMs: readableFrom(record),
      history: progressOf(record),
      last: await this.#last(conversation),
      empty:
        (record.log?.cursor ?? 0) === 0 && this.#outgoing.of(record.conversationId).length === 0,
      unread: clearing ? 0 : record.unread,
      mentions: clearing ? 0 : record.mentions,
      mutedUntilMs: record.preferences.mutedUntilMs,
      ...this.#arranged(record),
      pins: this.pinned(conversation).map(({ messageId }) => messageId),
      canPin: mine && !trainingFirst && barred === null && mayPin(record, record.admin),
      canCallEverybody: mine && mayCallEverybody(record),
      ...{ draft: record.draft, ...(record.formDrafts && { formDrafts: record.formDrafts }) },
      draftFiles: record.draftFiles.length,
      canSend: mine && !trainingFirst && barred === null,
      trainingFirst,
      barred,
      admin: record.admin,
      whoMaySend: record.whoMaySend,
      state: record.state === "ready" && alarm !== null ? "alarm" : record.state,
      alarm,
      createdMs: record.createdMs,
    };
  }

  plate(personId: PersonId): Promise<Plate | null> {
    return this.#people.plate(personId);
  }

  pinned(conversation: Conversation): readonly Pinned[] {
    return pinnedIn(this.#outgoing, conversation, this.#context.identity().personId);
  }

  async #post(record: ConversationRecord): Promise<ConversationItem["post"]> {
    if (record.standing?.about !== "post") return null;
    const mine = record.createdBy === this.#context.identity().personId;
    return { mine, asker: await this.#people.plate(record.createdBy) };
  }

  async #photo(record: ConversationRecord): Promise<ConversationItem["photo"]> {
    const photo = this.#profile(record)?.photo ?? null;
    return photo === null ? null : this.#attachments.view(photo);
  }

  /** Name and photo; what this device is about to set counts already. */
  #profile({ conversationId, kind, profile }: ConversationRecord) {
    if (kind === "direct") return null;
    const queued = this.#outgoing.of(conversationId).findLast(({ state }) => state);
    const content = queued === undefined ? null : decodeContent(queued.content);
    return content?.kind === "state" ? content : profile;
  }

  /** A conversation's personal items. */
  #arranged(record: ConversationRecord) {
    const { conversationId, readSeq, preferences } = record;
    const oneself = this.#oneself;
    const muted = isMuted(preferences.mutedUntilMs, this.#context.now());
    const cleared = oneself.cleared(conversationId);
    const unread = oneself.value("unread", conversationId);
    return {
      pinned: oneself.value("pinned", conversationId) !== null,
      // An alarm is seen in the list, whatever was archived.
      archived:
        oneself.isArchived(conversationId, newsOf(record, muted)) &&
        record.alarm === null &&
        !record.standstill,
      markedUnread: unread !== null && readSeq <= Number(unread),
      ...{ clearedSeq: cleared.seq, clearedMs: cleared.untilMs },
      folders: oneself.foldersOf(conversationId),
    };
  }

  async #last(conversation: Conversation): Promise<ConversationItem["last"]> {
    const { id, record } = conversation;
    const oneself = this.#oneself;
    let { last } = record;
    if (last !== null) {
      const place = { order: last.seq ?? Infinity, sentMs: last.sentMs };
      if (oneself.clears(id, place) || oneself.isGone(id, last.messageId))
        last = await newestOf(this.#context.vault, id, (one) => !isHidden(oneself, one));
    }
    if (last === null) return null;
    return {
      preview: await this.#preview(conversation, last.preview),
      sender: await this.#people.plate(last.senderId),
      mine: last.mine,
      sentMs: last.sentMs,
      status: last.mine ? this.#status(conversation, last) : null,
    };
  }

  #status(
    conversation: Conversation,
    message: Pick<LastRecord, "messageId" | "seq" | "sentMs" | "key" | "counts">,
  ): MessageStatus {
    if (message.seq !== null) {
      const { personId } = this.#context.identity();
      return statusOf(conversation.members, personId, { ...message, seq: message.seq });
    }
    const stage = this.#outgoing.find(message.messageId)?.stage;
    if (stage === "failed") return "failed";
    return stage === "signed" ? "sending" : "queued";
  }

  async #preview(conversation: Conversation, preview: PreviewRecord): Promise<Preview> {
    if (preview.kind !== "notice") return preview;
    return { kind: "notice", notice: await this.#notice(conversation, preview.notice) };
  }

  async #notice({ id }: Conversation, record: NoticeRecord): Promise<Notice> {
    const by = await this.#people.plate(record.by);
    const people = await this.#people.plates(record.people);
    switch (record.kind) {
      case "photo":
      case "description":
      case "profile_refused":
      case "log_differs":
      case "gap":
        return { kind: record.kind, by };
      case "title":
        return { kind: record.kind, by, title: record.text ?? "" };
      case "edit_refused":
      case "deletion_refused":
      case "mark_refused":
      case "state_refused":
        return { kind: record.kind, text: await quotedBy(this.#context.vault, id, record) };
      case "history":
        return { kind: record.kind, fromMs: record.fromMs ?? 0 };
      case "restored":
      case "you_added":
        return { kind: record.kind };
      case "device_added":
        return { kind: record.kind, people, by };
      default:
        return { kind: record.kind, people };
    }
  }

  async message(conversation: Conversation, stored: MessageRecord): Promise<MessageItem> {
    await conversation.loadMembers();
    const record = this.#withQueued(conversation, stored);
    const content = decodedOf(record);
    const { body, preview } =
      record.notice === null
        ? { body: await this.#body(conversation, record), preview: shortOf(record) }
        : await this.#noticed(conversation, record.notice);
    const reply = replyOf(content);
    const untilMs = editableUntil(record);
    const deletableUntilMs = deletableUntil(record, conversation.record.admin);
    const status = record.mine ? this.#status(conversation, record) : null;
    const scheduledMs =
      record.seq === null ? this.#outgoing.find(record.messageId)?.notBeforeMs : undefined;
    return {
      ...(scheduledMs === undefined ? {} : { scheduledMs }),
      ...(await this.#forwarded(content)),
      ...(await this.#reactions(conversation, record)),
      ...(await this.#replies(conversation, record)),
      ...formerOf(record),
      ...(untilMs === null ? {} : { editableUntilMs: untilMs }),
      ...(deletableUntilMs === null ? {} : { deletableUntilMs }),
      ...(record.notOrder === true ? { notOrder: true } : {}),
      ...(await this.#called(record, content)),
      ...(this.#oneself.isStarred(conversation.id, record.messageId) ? { starred: true } : {}),
      messageId: record.messageId,
      conversationId: record.conversationId,
      seq: record.seq,
      sender: await this.#people.plate(record.senderId),
      mine: record.mine,
      sentMs: record.sentMs,
      body,
      preview,
      replyTo: reply === null ? null : await this.#quote(conversation, reply),
      answer:
        body?.kind === "question" ? await this.#answer(conversation, body.state.answerId) : null,
      // Stage and failure are stored in one transaction. The message may have been read from the
      // vault before it, and a listener may ask for this view after it.
      status: status === "failed" && record.failure === null ? "queued" : status,
      failure: record.failure,
    };
  }

  async #body(conversation: Conversation, record: MessageRecord): Promise<MessageBody> {
    const { deletion, senderId } = record;
    if (deletion !== undefined) {
      const { personId } = deletion;
      const by = personId === senderId ? null : await this.#people.plate(personId);
      return { kind: "deleted", by };
    }
    if (isWithheld(record)) return { kind: "withheld" };
    return bodyOf(decodedOf(record), this.#shown(conversation, record));
  }

  #shown(conversation: Conversation, message: MessageRecord): BodySources {
    const parts: PollParts = {
      context: this.#context,
      people: this.#people,
      outgoing: this.#outgoing,
      onCounted: this.#onCounted,
    };
    return {
      attachments: (pointers) => this.attachments(pointers, message),
      poll: (content) => pollState(parts, conversation, message, content),
      live: (content) => liveState(this.#context, conversation, message, content),
      question: () => questionState(this.#outgoing, conversation, message),
    };
  }

  async #noticed(conversation: Conversation, record: NoticeRecord) {
    const shown = { kind: "notice", notice: await this.#notice(conversation, record) } as const;
    return { body: shown, preview: shown };
  }

  /** `at`: the message that shows them. */
  attachments(
    pointers: readonly AttachmentPointer[],
    at: Pick<MessageRecord, "conversationId" | "messageId"> | null = null,
  ) {
    return Promise.all(pointers.map((pointer) => this.#attachments.view(pointer, at)));
  }

  async #called({ mine }: MessageRecord, content: Decoded): Promise<Pick<MessageItem, "called">> {
    if (mine || mentionsOf(content).length === 0) return {};
    const { personId } = this.#context.identity();
    const called = callOf(content, await calledPerson(this.#context, personId));
    return called === null ? {} : { called };
  }

  async #forwarded(content: Decoded): Promise<Pick<MessageItem, "forwarded">> {
    const count = forwardsOf(content);
    if (count === 0) return {};
    return { forwarded: count >= (await this.#often()) ? "often" : "some" };
  }

  /** An edit of this device's, or a deletion, is shown before the server has it. */
  #withQueued(conversation: Conversation, record: MessageRecord): MessageRecord {
    if (record.seq === null) return record;
    const { messageId, edits = [] } = record;
    const queued = queuedMarksOn(this.#outgoing, conversation, messageId);
    const { personId } = this.#context.identity();
    const now = this.#context.time.now() ?? this.#context.now();
    const at = { personId, position: Infinity, sentMs: now, signedMs: now };
    const { admin } = conversation.record;
    if (queued.some((one) => one.mark === "deletion"))
      return withDeletion(record, [{ ...at, admin }]);
    const edit = queued.find((one) => one.mark === "edit");
    if (edit === undefined || !record.mine) return record;
    return withEdits(record, [...edits, { ...edit, ...at, markId: messageId }]);
  }

  async #reactions(
    conversation: Conversation,
    record: MessageRecord,
  ): Promise<Pick<MessageItem, "reactions">> {
    const { personId } = this.#context.identity();
    const found = await reactionsOf(this.#outgoing, conversation, personId, record);
    if (found === null) return {};
    const reactions = [...found].map(async ([emoji, chosenBy]) => {
      const people = await this.#people.plates(chosenBy);
      return { emoji, people, mine: chosenBy.includes(personId) };
    });
    return { reactions: await Promise.all(reactions) };
  }

  async #replies({ id, marks }: Conversation, { messageId, deletion }: MessageRecord) {
    const noted = deletion === undefined ? await marks.get(null, messageId) : null;
    const shown = (noted?.replies ?? []).filter((one) => !this.#oneself.isGone(id, one.messageId));
    if (shown.length === 0) return {};
    const more = noted !== null && noted.replies.length >= MOST_REPLIES;
    return { replies: shown.length, ...(more ? { moreReplies: true as const } : {}) };
  }

  /** The accepted answer; null where it is older than this device, or on its way. */
  async #answer({ id }: Conversation, answerId: MessageId | null): Promise<ReplyQuote | null> {
    const answer = answerId === null ? null : await loadMessage(this.#context.vault, id, answerId);
    if (answer === null) return null;
    return {
      messageId: answer.messageId,
      conversationId: null,
      sender: await this.#people.plate(answer.senderId),
      preview: shortOf(answer),
    };
  }

  /** The quoted message as it is here; its sender's words about it where it is not. */
  async #quote(conversation: Conversation, reply: ReplyPointer): Promise<ReplyQuote> {
    const where = reply.conversationId ?? conversation.id;
    const quoted = await loadMessage(this.#context.vault, where, reply.messageId);
    const here = quoted !== null;
    const marks = here ? null : await conversation.marks.get(null, reply.messageId);
    const gone = marks?.deletions.some(
      ({ admin, personId }) => admin || personId === reply.personId,
    );
    return {
      messageId: reply.messageId,
      conversationId: where === conversation.id ? null : where,
      sender: await this.#people.plate(here ? quoted.senderId : reply.personId),
      preview: here
        ? shortOf(quoted)
        : gone === true
          ? { kind: "deleted" }
          : { kind: "text", text: reply.preview },
    };
  }
}

/** The people whom a conversation's item names. */
export function peopleIn({
  createdBy,
  directPersonId,
  last,
  some,
}: ConversationRecord): readonly PersonId[] {
  const notice = last?.preview.kind === "notice" ? last.preview.notice : null;
  const named = [createdBy, directPersonId, last?.senderId, notice?.by, ...some];
  return [...named, ...(notice?.people ?? [])].filter((one) => one != null);
}

/** The words of before the last edit. */
function formerOf({ content, edits, sentMs }: MessageRecord): Pick<MessageItem, "former"> {
  if (edits === undefined || edits.length === 0 || content === null) return {};
  const first = decodeContent(content);
  if (first.kind !== "text" && first.kind !== "attachments") return {};
  const wordings = [{ text: first.text, sentMs }, ...edits].slice(0, -1);
  const here = wordings.flatMap(({ text, sentMs }) => (text === null ? [] : [{ text, sentMs }]));
  return { former: here };
}

/** How far the messages of before this device have come. */
function progressOf({ history }: ConversationRecord): Progress | null {
  if (history === null) return null;
  const total = Math.max(1, history.start);
  return { done: Math.max(0, history.start + 1 - history.from), total };
}
