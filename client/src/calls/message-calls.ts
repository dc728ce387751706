/** `core.messages` and `core.attachments`. */
import type { Attachments } from "../attachments/attachments.ts";
import type { Conversation } from "../conversation/conversation.ts";
import { isUnread } from "../conversation/record.ts";
import type {
  Mention,
  MessageItem,
  MessagePage,
  MessageReceipts,
  Outgoing,
  PinnedMessage,
  Plate,
} from "../seam.ts";
import { failure } from "../failure.ts";
import {
  decodedOf,
  loadMessage,
  pageAfter,
  pageMessages,
  storedMessages,
} from "../conversation/messages.ts";
import { readHere, seqOf } from "../messages/reading.ts";
import { countsOf } from "../messages/receipt-counts.ts";
import { receiptOf, receivers, type Receipt } from "../messages/receipts.ts";
import { newId, type AttachmentId, type ConversationId, type MessageId } from "../ids.ts";
import { decodeContent, encodeContent, reworded } from "../kinds/content.ts";
import { MAX_TEXT } from "../kinds/fields.ts";
import { isEmoji, type Mark } from "../kinds/mark.ts";
import { deletableUntil, isHidden, takesDeletions } from "../messages/deletions.ts";
import { editableUntil } from "../messages/edits.ts";
import { queuedMarksOn } from "../messages/outgoing.ts";
import { mayPin } from "../messages/pins.ts";
import { repliesTo } from "../messages/replies.ts";
import { reactionsOf } from "../messages/reactions.ts";
import type { MessageRecord } from "../records.ts";
import { compose, outgoingRecord, queuedMessage } from "../outbox/compose.ts";
import { RECEIPT_PEOPLE, type LinkPreview } from "../wire.ts";
import { cancelDeletion, queuedDeletion, requireFew, sendMark } from "./talking/marking.ts";
import type { Device } from "./device.ts";
import { orderable, writable, type DeviceAccess } from "./reach.ts";

const MOST_ON_A_PAGE = 200;

export class MessageCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  /** The newest page, or the page before a message. */
  async page(
    conversationId: ConversationId,
    before: MessageId | null,
    limit: number,
  ): Promise<MessagePage> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { vault } = device.context;
    let below: number | null = null;
    if (before !== null) below = (await stored(device, conversationId, before)).order;
    const size = sizeOf(limit);
    const found = await pageMessages(vault, conversationId, below, size + 1);
    const page = found.slice(0, size).reverse();
    // A cleared message ends the list: all older messages are cleared too.
    const next = found[size];
    const more = next !== undefined && !this.#reach.oneself.clears(conversationId, next);
    return this.#pageOf(device, conversation, page, more);
  }

  /**
   * The page around a message: so many before it, and as many after it. Rejects with `not_found` if the
   * message is not on this device.
   */
  async around(
    conversationId: ConversationId,
    messageId: MessageId,
    limit: number,
  ): Promise<MessagePage & { readonly newer: boolean }> {
    const device = await this.#reach.device();
    const { vault } = device.context;
    const message = await stored(device, conversationId, messageId);
    const size = Math.ceil(sizeOf(limit) / 2);
    const older = await pageMessages(vault, conversationId, message.order, size + 1);
    const newer = await pageAfter(vault, conversationId, message.order, size + 1);
    const page = [...older.slice(0, size).reverse(), message, ...newer.slice(0, size)];
    const conversation = device.find(conversationId);
    const shown = await this.#pageOf(device, conversation, page, older.length > size);
    return { ...shown, newer: newer.length > size };
  }

  /** The page after a message. */
  async after(
    conversationId: ConversationId,
    messageId: MessageId,
    limit: number,
  ): Promise<MessagePage & { readonly newer: boolean }> {
    const device = await this.#reach.device();
    const { vault } = device.context;
    const from = await stored(device, conversationId, messageId);
    const size = sizeOf(limit);
    const found = await pageAfter(vault, conversationId, from.order, size + 1);
    const conversation = device.find(conversationId);
    const shown = await this.#pageOf(device, conversation, found.slice(0, size), true);
    return { ...shown, newer: found.length > size };
  }

  /** A message, and the messages that answer it, those on their way at the end. */
  async replies(
    conversationId: ConversationId,
    messageId: MessageId,
  ): Promise<readonly MessageItem[]> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const message = await stored(device, conversationId, messageId);
    const queued = device.outgoing.of(conversationId).map((one) => one.messageId);
    const replies = await repliesTo(device.context, queued, conversation, messageId);
    const { messages } = await this.#pageOf(device, conversation, [message, ...replies], false);
    return messages;
  }

  async #pageOf(
    device: Device,
    conversation: Conversation,
    found: readonly MessageRecord[],
    more: boolean,
  ): Promise<MessagePage> {
    const page = found.filter((one) => !isHidden(this.#reach.oneself, one));
    await conversation.marks.load(page.map(({ messageId }) => messageId));
    const { record } = conversation;
    const unread = page.find(
      ({ seq, sentMs, mine, notice }) =>
        seq !== null && !mine && notice === null && isUnread(record, { seq, sentMs }),
    );
    return {
      messages: await Promise.all(page.map((one) => device.views.message(conversation, one))),
      more,
      firstUnread: unread?.messageId ?? null,
    };
  }

  /**
   * Queues and returns at once; the outbox sends, also after a restart. docs/walks/message.md follows
   * a message from here to another phone.
   */
  async send(
    conversationId: ConversationId,
    outgoing: Outgoing,
    replyTo: MessageId | null,

    /** Made by the host where absent, so that a repeated call sends nothing twice. */
    messageId: MessageId = newId(),

    /** The conversation of the answered message; this one where absent. */
    replyIn: ConversationId = conversationId,

    /** Send it at this time; this device does so when the app is open, later otherwise. */
    notBeforeMs: number | null = null,
  ): Promise<MessageItem> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const { vault, now, identity } = device.context;
    const known = await loadMessage(vault, conversationId, messageId);
    if (known !== null) return device.views.message(conversation, known);
    const { whoMaySend, admin } = isPressing(outgoing)
      ? orderable(this.#reach, conversation).record
      : writable(this.#reach, conversation).record;
    if (whoMaySend === "admins" && !admin) throw failure("may_not_send");
    if (outgoing.kind === "poll") requireFew(conversation, "poll_too_large");
    const composed = await compose(
      device.context,
      device.attachments,
      conversation,
      outgoing,
      replyTo === null ? null : { messageId: replyTo, conversationId: replyIn },
    );
    const { files, content } = composed;
    const order = device.outgoing.nextOrder(now());
    const queued = <Stage extends "preparing" | "uploading" | "ready">(stage: Stage) =>
      outgoingRecord(conversation, messageId, order, content, stage, notBeforeMs);
    const ready = queued("ready");
    const message = queuedMessage(ready, identity().personId, now());
    const { outbox, preparing } = device;
    if (files.length === 0) await outbox.enqueue(conversation, ready, message);
    else if (preparing.takesLong(files))
      await preparing.enqueue(conversation, queued("preparing"), message, files);
    else await preparing.atOnce(conversation, queued("uploading"), message, files);
    return device.views.message(conversation, message);
  }

  /**
   * Read the page of a link, by the department's server, which thereby learns of the link. Rejects with
   * `link_previews_off`, `link_without_preview`.
   */
  async linkPreview(url: string): Promise<LinkPreview> {
    return (await this.#reach.device()).context.api.previewLink({ url });
  }

  /**
   * React to a message with one emoji, in place of this person's former one; null takes it back. The same
   * again sends nothing. Rejects with `not_found`, `reactions_too_large`, and `message_invalid` where the
   * message takes no reactions or the text is no emoji.
   */
  async react(
    conversationId: ConversationId,
    messageId: MessageId,
    emoji: string | null,
  ): Promise<void> {
    const device = await this.#reach.device();
    const conversation = writable(this.#reach, device.find(conversationId));
    const message = await stored(device, conversationId, messageId);
    requireFew(conversation, "reactions_too_large");
    const own = device.context.identity().personId;
    const reactions = await reactionsOf(device.outgoing, conversation, own, message);
    if (reactions === null || (emoji !== null && !isEmoji(emoji))) throw failure("message_invalid");
    const [former = null] = [...reactions].find(([, people]) => people.includes(own)) ?? [];
    if (emoji === former) return;
    await sendMark(device, conversation, {
      kind: "mark",
      messageId,
      what: { mark: "reaction", emoji },
    });
  }

  /**
   * Give this person's own text or caption other words, for an hour after it was sent. The same words again
   * send nothing. Rejects with `not_found`, `not_admin` for somebody else's, `edit_closed`, and
   * `message_invalid` for a message without words, no words or too many.
   */
  async edit(
    conversationId: ConversationId,
    messageId: MessageId,
    text: string,
    mentions: readonly Mention[],
  ): Promise<void> {
    const device = await this.#reach.device();
    const { vault, time, now } = device.context;
    const conversation = writable(this.#reach, device.find(conversationId));
    const message = await loadMessage(vault, conversationId, messageId);
    if (message === null || message.seq === null || message.notice !== null)
      throw failure("not_found");
    if (!message.mine) throw failure("not_admin");
    const content = decodedOf(message);
    const given = { mark: "edit", text, mentions } as const;
    // As everybody will read it.
    const read = decodeContent(encodeContent({ kind: "mark", messageId, what: given }));
    const what = read.kind === "mark" ? read.what : null;
    if (what?.mark !== "edit" || reworded(content, what) === content)
      throw failure("message_invalid", { details: { limit: MAX_TEXT } });
    const queued = queuedMarksOn(device.outgoing, conversation, messageId);
    const last = queued.find((one) => one.mark === "edit") ?? content;
    if (hasWords(last, what)) return;
    const untilMs = editableUntil(message);
    if (untilMs === null || (time.now() ?? now()) > untilMs) throw failure("edit_closed");
    await sendMark(device, conversation, { kind: "mark", messageId, what });
  }

  /**
   * Pin a message to the top of its conversation, or unpin it. Rejects with `not_found`, and with
   * `not_admin` for a person without the right.
   */
  async pin(conversationId: ConversationId, messageId: MessageId, pinned: boolean): Promise<void> {
    const device = await this.#reach.device();
    const conversation = writable(this.#reach, device.find(conversationId));
    const message = await loadMessage(device.context.vault, conversationId, messageId);
    if (message?.notice !== null || message.seq === null || message.deletion !== undefined)
      throw failure("not_found");
    const { record } = conversation;
    if (!mayPin(record, record.admin)) throw failure("not_admin");
    const what = { mark: "pin", pinned } as const;
    await sendMark(device, conversation, { kind: "mark", messageId, what });
  }

  /** The pinned messages that this device has, the last pinned first. */
  async pinned(conversationId: ConversationId): Promise<readonly PinnedMessage[]> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const pins = device.views.pinned(conversation);
    const ids = pins.map(({ messageId }) => messageId);
    const stored = await storedMessages(device.context.vault, conversationId, ids);
    const found = pins.map(async ({ messageId, personId }): Promise<PinnedMessage | null> => {
      const record = stored.get(messageId);
      if (record?.notice !== null) return null;
      const message = await device.views.message(conversation, record);
      // Deleted, perhaps by this device alone so far, or withheld.
      if (message.body.kind === "deleted" || message.body.kind === "withheld") return null;
      return { message, by: await this.#reach.people.plate(personId) };
    });
    return (await Promise.all(found)).filter((one) => one !== null);
  }

  /**
   * Delete a message for everybody: this person's own for two days, anybody's as an admin. It shows as
   * deleted at once, and for `undoMs` {@link keep} takes that back. Asked again, it goes at once. Rejects with `not_found`, `not_admin`,
   * and `message_invalid` for an order, a change of one or evidence.
   */
  async delete(
    conversationId: ConversationId,
    messageId: MessageId,
    undoMs: number,
  ): Promise<void> {
    const device = await this.#reach.device();
    const { vault, time, now } = device.context;
    const conversation = writable(this.#reach, device.find(conversationId));
    const message = await loadMessage(vault, conversationId, messageId);
    if (message?.seq == null || message.deletion !== undefined) throw failure("not_found");
    if (!takesDeletions(message)) throw failure("message_invalid");
    const untilMs = deletableUntil(message, conversation.record.admin);
    if (untilMs === null || (time.now() ?? now()) > untilMs) throw failure("not_admin");
    const queued = queuedDeletion(device, conversation, messageId);
    if (queued !== null) return device.outbox.sendNow(conversation, queued);
    if (device.live.shares().some((one) => one.messageId === messageId))
      await device.live.end(conversationId);
    const what = { mark: "deletion" } as const;
    await sendMark(device, conversation, { kind: "mark", messageId, what }, now() + undoMs);
  }

  /** Take back a deletion that has not been accepted yet. */
  async keep(conversationId: ConversationId, messageId: MessageId): Promise<void> {
    const device = await this.#reach.device();
    await cancelDeletion(device, device.find(conversationId), messageId);
  }

  async retry(messageId: MessageId): Promise<void> {
    const device = await this.#reach.device();
    await device.preparing.retry(conversationOf(device, messageId), messageId);
  }

  /** Take back a message that has not been accepted yet (cancels its uploads). */
  async cancel(messageId: MessageId): Promise<void> {
    const device = await this.#reach.device();
    await device.outbox.cancel(conversationOf(device, messageId), messageId);
  }

  async markRead(conversationId: ConversationId, messageId: MessageId): Promise<void> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const seq = await seqOf(device.context, conversationId, messageId);
    if (seq === null) return;
    await this.#reach.oneself.set([
      { name: "unread", of: conversationId, part: null, value: null },
    ]);
    const moved = await conversation.run(() => readHere(device.context, conversation, seq));
    if (moved) device.cursors.moved(conversation);
  }

  async receipts(conversationId: ConversationId, messageId: MessageId): Promise<MessageReceipts> {
    const device = await this.#reach.device();
    const { people } = this.#reach;
    const message = await stored(device, conversationId, messageId);
    const conversation = device.find(conversationId);
    const members = await conversation.loadMembers();
    const nobody: readonly Plate[] = [];
    if (conversation.record.members > RECEIPT_PEOPLE) {
      const totals = await countsOf(device.context, conversation, message);
      return {
        ...{ messageId, many: true, totals, read: nobody, delivered: nobody, lacksKey: nobody },
        ...{ waiting: nobody, signedOut: nobody, unregistered: nobody },
      };
    }
    const sent = { ...message, seq: message.seq ?? Infinity };
    const others = receivers(members, device.context.identity().personId, sent);
    const those = (receipt: Receipt): Promise<readonly Plate[]> =>
      people.plates(
        others.filter((one) => receiptOf(one, sent) === receipt).map(({ personId }) => personId),
      );
    return {
      messageId,
      many: false,
      totals: null,
      read: await those("read"),
      delivered: await those("delivered"),
      lacksKey: await those("lacks_key"),
      waiting: await those("waiting"),
      signedOut: await those("signed_out"),
      unregistered: await those("unregistered"),
    };
  }
}

export class AttachmentCalls {
  readonly #attachments: Attachments;

  constructor({ attachments }: Device) {
    this.#attachments = attachments;
  }

  /**
   * The whole plaintext, downloading if needed; progress comes as "attachment" events. `sha256`: what the
   * message that shows the file signed (its view), null: nothing. Rejects with `attachment_differs`.
   */
  get(attachmentId: AttachmentId, sha256: string | null): Promise<Blob> {
    return this.#attachments.blob(attachmentId, sha256);
  }

  /** Plaintext bytes [start, end), for playing while it downloads. Fetches only those chunks. */
  range(attachmentId: AttachmentId, start: number, end: number): Promise<Uint8Array> {
    return this.#attachments.range(attachmentId, start, end);
  }

  cancelDownload(attachmentId: AttachmentId): void {
    this.#attachments.cancelDownload(attachmentId);
  }
}

function sizeOf(limit: number): number {
  return Math.max(1, Math.min(MOST_ON_A_PAGE, limit));
}

/** Whether the words are these already, with the same mentions. */
function hasWords(words: object, { text, mentions }: Extract<Mark, { mark: "edit" }>): boolean {
  if (!("text" in words && "mentions" in words)) return false;
  return words.text === text && JSON.stringify(words.mentions) === JSON.stringify(mentions);
}

/** A message on this device. Throws `not_found`. */
async function stored(
  device: Device,
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<MessageRecord> {
  const found = await loadMessage(device.context.vault, conversationId, messageId);
  if (found === null) throw failure("not_found");
  return found;
}

function conversationOf(device: Device, messageId: MessageId): Conversation {
  const outgoing = device.outgoing.find(messageId);
  if (outgoing === null) throw failure("not_found");
  return device.find(outgoing.conversationId);
}

/** Goes out before the officer course (D1): a flash order, and the change of an order. */
function isPressing(outgoing: Outgoing): boolean {
  if (outgoing.kind === "order") return outgoing.priority === "flash";
  return outgoing.kind === "order_change";
}
