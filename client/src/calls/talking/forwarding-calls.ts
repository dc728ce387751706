/**
 * Forwarding: a message's words, files or place as a new message in other conversations, counted once
 * more and without its author.
 *
 * Invariants: limits are the department's policy, and a message that it closes is refused before
 * anything is queued; a repeated call queues nothing twice; each forward waits in its
 * conversation's outbox, and its files are shared there when the network is back.
 */
import type { ForwardChoice } from "../../seam.ts";
import type { Conversation } from "../../conversation/conversation.ts";
import { failure } from "../../failure.ts";
import { forwardClosed, mostChats } from "../../guard/forwarding.ts";
import { idOf, newId, type ConversationId, type MessageId } from "../../ids.ts";
import { hash, tag } from "../../keys/format/hashing.ts";
import { contentOf, forwardOf, forwardsOf, pointersOf, type Content } from "../../kinds/content.ts";
import { decodedOf, loadMessage } from "../../conversation/messages.ts";
import { fromHex } from "../../octets.ts";
import { outgoingRecord, queuedMessage } from "../../outbox/compose.ts";
import type { Device } from "../device.ts";
import { writable, type DeviceAccess } from "../reach.ts";

export class ForwardingCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  /** The limits on forwarding a message, and closed conversations. Rejects with `forward_closed` where none such is. */
  async choice(conversationId: ConversationId, messageId: MessageId): Promise<ForwardChoice> {
    const device = await this.#reach.device();
    const { forwards } = await forwardable(device, conversationId, messageId);
    const policy = await this.#reach.guard.forwarding();
    const all = device.book.chats;
    return {
      most: mostChats(policy, forwards),
      often: forwards >= policy.forwarding.often,
      closed: all.flatMap(({ id, record }) => {
        const why = forwardClosed(policy, record);
        return why === null ? [] : [{ conversationId: id, why }];
      }),
    };
  }

  /**
   * Forward a message to other conversations, without its author, with one's own words after it.
   * Queues and returns at once. Rejects with `forward_limit`, `forward_closed`, `conversation_left`
   * before anything is queued.
   */
  async forward(
    from: { readonly conversationId: ConversationId; readonly messageId: MessageId },
    to: readonly ConversationId[],
    words: string,

    /** Made by the host where absent, so that a repeated call forwards nothing twice. */
    forwardId: MessageId = newId(),
  ): Promise<void> {
    const device = await this.#reach.device();
    const { content, forwards } = await forwardable(device, from.conversationId, from.messageId);
    const policy = await this.#reach.guard.forwarding();
    const most = mostChats(policy, forwards);
    const conversations = [...new Set(to)].map((id) => writable(this.#reach, device.find(id)));
    if (conversations.length > most) throw failure("forward_limit", { details: { limit: most } });
    if (conversations.some(({ record }) => forwardClosed(policy, record) !== null))
      throw failure("forward_closed");
    const own = words.trim() === "" ? null : spoken(words.trim());
    for (const conversation of conversations) {
      await enqueue(device, conversation, partId(forwardId, conversation.id, "message"), content);
      if (own !== null)
        await enqueue(device, conversation, partId(forwardId, conversation.id, "words"), own);
    }
  }
}

/** The content that forwards a message, and how often it was forwarded before. */
async function forwardable(
  device: Device,
  conversationId: ConversationId,
  messageId: MessageId,
): Promise<{ readonly content: Content; readonly forwards: number }> {
  const message = await loadMessage(device.context.vault, conversationId, messageId);
  if (message === null) throw failure("not_found");
  const decoded = decodedOf(message);
  const content = forwardOf(decoded);
  // Before the server has it, its files are nowhere else.
  if (content === null || message.seq === null) throw failure("forward_closed");
  return { content, forwards: forwardsOf(decoded) };
}

/** The forwarder's own words, a separate message. Throws `message_invalid`. */
function spoken(text: string): Content {
  return contentOf({ kind: "text", text, mentions: [] }, null, () => {
    throw failure("message_invalid");
  });
}

async function enqueue(
  device: Device,
  conversation: Conversation,
  messageId: MessageId,
  content: Content,
): Promise<void> {
  const { vault, now, identity } = device.context;
  if ((await loadMessage(vault, conversation.id, messageId)) !== null) return;
  const order = device.outgoing.nextOrder(now());
  const stage = pointersOf(content).length > 0 ? "uploading" : "ready";
  const queued = outgoingRecord(conversation, messageId, order, content, stage);
  const message = queuedMessage(queued, identity().personId, now());
  await device.outbox.enqueue(conversation, queued, message, true);
}

/** Ids that do not tell the server which messages are one forward; alike for a repeated call. */
function partId(forwardId: MessageId, conversationId: ConversationId, part: string): MessageId {
  const bytes = hash(
    tag(`copconnect forward ${part}`),
    fromHex(forwardId),
    fromHex(conversationId),
  );
  return idOf<MessageId>(bytes.subarray(0, 16));
}
