/** `core.consultation`: polls, questions and quick replies. */
import type { Conversation } from "../../conversation/conversation.ts";
import { failure } from "../../failure.ts";
import type { ConversationId, MessageId, PersonId } from "../../ids.ts";
import { sealBallot } from "../../keys/ballot.ts";
import type { Mark } from "../../kinds/mark.ts";
import { NO_MARKS, countPoll } from "../../messages/poll-count.ts";
import { decodedOf, loadMessage } from "../../conversation/messages.ts";
import { fromHex } from "../../octets.ts";
import { requireNewest } from "../../roster/newest.ts";
import { MAX_QUICK_REPLIES, MAX_QUICK_REPLY, type PollContent } from "../../kinds/consultation.ts";
import { STORES, type MessageRecord } from "../../records.ts";
import { questionsOf } from "../../messages/questions.ts";
import type { MessageItem } from "../../seam.ts";
import type { Device } from "../device.ts";
import { sendMark } from "./marking.ts";
import { writable, type DeviceAccess } from "../reach.ts";

const QUICK_REPLIES = "quick_replies";

/** `meta/quick_replies`. */
interface QuickRepliesRecord {
  readonly texts: readonly string[];
}

/** A poll that is open for this person's vote. */
interface OpenPoll {
  readonly device: Device;
  readonly conversation: Conversation;
  readonly message: MessageRecord;
  readonly poll: PollContent;
}

export class ConsultationCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  /** Vote in a poll, again where this person has voted; no options take the vote back. */
  async vote(
    conversationId: ConversationId,
    messageId: MessageId,
    choices: readonly number[],
  ): Promise<void> {
    const open = await this.#open(conversationId, messageId);
    const { poll } = open;
    const chosen = [...new Set(choices)].sort((a, b) => a - b);
    const known = chosen.every((one) => Number.isInteger(one) && one >= 0);
    if (!known || (chosen.at(-1) ?? 0) >= poll.options.length)
      throw failure("message_invalid", { details: { limit: poll.options.length } });
    if (chosen.length > 1 && !poll.multiple)
      throw failure("message_invalid", { details: { limit: 1 } });
    const what: Mark = poll.anonymous
      ? { mark: "ballot", seals: await this.#seals(open, chosen) }
      : { mark: "vote", choices: chosen };
    await sendMark(open.device, open.conversation, { kind: "mark", messageId, what });
  }

  /** End this person's own poll. */
  async closePoll(conversationId: ConversationId, messageId: MessageId): Promise<void> {
    const { device, conversation, message } = await this.#open(conversationId, messageId);
    if (!message.mine) throw failure("not_admin");
    await sendMark(device, conversation, { kind: "mark", messageId, what: { mark: "close" } });
  }

  /** Mark a reply as the answer to this person's own question; null: take that back. */
  async acceptAnswer(
    conversationId: ConversationId,
    messageId: MessageId,
    answerId: MessageId | null,
  ): Promise<void> {
    const device = await this.#reach.device();
    const { vault } = device.context;
    const conversation = writable(this.#reach, device.find(conversationId));
    const asked = await loadMessage(vault, conversationId, messageId);
    if (asked === null || decodedOf(asked).kind !== "question") throw failure("not_found");
    if (!asked.mine) throw failure("not_admin");
    const answer = answerId === null ? null : await loadMessage(vault, conversationId, answerId);
    if (answerId !== null && (answer === null || answer.seq === null)) throw failure("not_found");
    const what: Mark = { mark: "accept", answerId };
    await sendMark(device, conversation, { kind: "mark", messageId, what });
  }

  /** The newest 200 questions of a conversation that are on this device, the newest first. */
  async questions(conversationId: ConversationId): Promise<readonly MessageItem[]> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const found = await questionsOf(device.context.vault, conversation);
    return Promise.all(found.map((one) => device.views.message(conversation, one)));
  }

  /** Short texts that this person sends by one tap; null: the app's own. Kept on this device. */
  async quickReplies(): Promise<readonly string[] | null> {
    const { vault } = (await this.#reach.device()).context;
    return (await vault.get<QuickRepliesRecord>(STORES.meta, QUICK_REPLIES))?.texts ?? null;
  }

  async setQuickReplies(texts: readonly string[] | null): Promise<void> {
    const { vault } = (await this.#reach.device()).context;
    const key = { store: STORES.meta, key: QUICK_REPLIES };
    if (texts === null) return vault.write([{ op: "delete", ...key }]);
    const trimmed = texts.map((one) => one.trim()).filter((one) => one !== "");
    const long = trimmed.some(({ length }) => length > MAX_QUICK_REPLY);
    if (long || trimmed.length > MAX_QUICK_REPLIES)
      throw failure("message_invalid", { details: { limit: MAX_QUICK_REPLY } });
    const value: QuickRepliesRecord = { texts: [...new Set(trimmed)] };
    await vault.write([{ op: "put", ...key, value }]);
  }

  async #open(conversationId: ConversationId, messageId: MessageId): Promise<OpenPoll> {
    const device = await this.#reach.device();
    const { time, now, vault } = device.context;
    const conversation = writable(this.#reach, device.find(conversationId));
    const { whoMaySend, admin } = conversation.record;
    if (whoMaySend === "admins" && !admin) throw failure("may_not_send");
    const message = await loadMessage(vault, conversationId, messageId);
    const poll = message === null ? null : decodedOf(message);
    if (message === null || poll?.kind !== "poll") throw failure("not_found");
    const marks = (await conversation.marks.get(null, messageId)) ?? NO_MARKS;
    const { closed } = countPoll(poll, message.senderId, marks);
    const over = poll.endsMs !== null && (time.now() ?? now()) > poll.endsMs;
    if (closed || over) throw failure("poll_ended");
    return { device, conversation, message, poll };
  }

  /** To the confirmed devices of the author, who counts, and of this person, who may look again. */
  async #seals(
    { device, conversation, message }: OpenPoll,
    choices: readonly number[],
  ): Promise<readonly Uint8Array[]> {
    const { context } = device;
    const { trust, time } = context;
    const { personId, deviceBytes } = context.identity();
    const author = message.senderId;
    if (author === null) throw failure("not_found");
    const people: readonly PersonId[] = [...new Set([author, personId])];
    await trust.ensure(people, { keys: true, fresh: true });
    const { head } = await requireNewest(context, conversation);
    const place = {
      conversation: fromHex(conversation.id),
      poll: fromHex(message.messageId),
      voter: deviceBytes,
    };
    const seals: Uint8Array[] = [];
    let counted = false;
    for (const person of people) {
      for (const one of await trust.devicesOf(person)) {
        const { confirmed } = await trust.verdict(person, one, time.requireNow());
        if (confirmed === "no") continue;
        const key = await trust.deviceKey(person, one, head.kem).catch(() => null);
        if (key === null) continue;
        seals.push(await sealBallot(place, choices, key));
        counted ||= person === author;
      }
    }
    // The author's devices have all been signed out, or away for weeks: no device could count it.
    if (!counted) throw failure("ballot_unreadable");
    return seals;
  }
}
