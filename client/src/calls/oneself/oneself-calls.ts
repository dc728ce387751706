/**
 * `core.oneself`: personal items, the same on all of the person's devices. Each call counts here at once,
 * offline too; nobody else hears of it.
 */
import { failure } from "../../failure.ts";
import { newId, type ConversationId, type FolderId, type MessageId } from "../../ids.ts";
import { MAX_FOLDER_NAME, type ItemKey, type ItemName } from "../../kinds/own.ts";
import { goesForOneself, isHidden } from "../../messages/deletions.ts";
import { loadMessage, storedMessages } from "../../conversation/messages.ts";
import type { ItemChange } from "../../oneself/oneself.ts";
import type { Folder, MessageItem } from "../../seam.ts";
import type { DeviceAccess } from "../reach.ts";

const MOST_STARS = 1_000;
const MOST_FOLDERS = 20;

export class OneselfCalls {
  readonly #reach: DeviceAccess;

  constructor(reach: DeviceAccess) {
    this.#reach = reach;
  }

  /** Star messages, or take their stars away. Rejects with `not_found`, and `own_limit` above 1,000 stars. */
  async star(
    conversationId: ConversationId,
    messageIds: readonly MessageId[],
    on: boolean,
  ): Promise<void> {
    const { oneself } = this.#reach;
    const device = await this.#reach.device();
    const { vault, now } = device.context;
    const found = await storedMessages(vault, conversationId, messageIds);
    const fresh = messageIds.filter((id) => !oneself.isStarred(conversationId, id));
    if (on && fresh.some((id) => !found.has(id))) throw failure("not_found");
    if (on && oneself.all("star").length + fresh.length > MOST_STARS)
      throw failure("own_limit", { details: { limit: MOST_STARS } });
    const stars = on ? fresh : messageIds;
    await oneself.set(
      stars.map((part) => ({ name: "star", of: conversationId, part, value: on ? now() : null })),
    );
  }

  /** Starred messages that this device has, the last starred first, after so many of them. */
  async starred(
    after: number,
    limit: number,
  ): Promise<{ readonly messages: readonly MessageItem[]; readonly more: boolean }> {
    const { oneself } = this.#reach;
    const device = await this.#reach.device();
    const all = [...oneself.all("star")].sort((a, b) => Number(b.value) - Number(a.value));
    const page = all.slice(after, after + limit).map(async ({ of, part }) => {
      const conversation = device.book.find(of as ConversationId);
      if (conversation === null) return null;
      const message = await loadMessage(device.context.vault, conversation.id, part as MessageId);
      if (message === null || message.deletion !== undefined) return null;
      if (isHidden(oneself, message)) return null;
      return device.views.message(conversation, message);
    });
    const messages = (await Promise.all(page)).filter((one) => one !== null);
    return { messages, more: all.length > after + limit };
  }

  /** Take a conversation out of the list until it has news; a muted one until an order or a mention. */
  async archive(conversationId: ConversationId, on: boolean): Promise<void> {
    const device = await this.#reach.device();
    const { record } = device.find(conversationId);
    const at = Math.max(record.newsSeq, record.calledSeq);
    // To archive it again replaces the position: only news after this one brings it back.
    await this.#reach.oneself.set([chat("archived", conversationId, on ? at : null)]);
  }

  async pin(conversationId: ConversationId, on: boolean): Promise<void> {
    const device = await this.#reach.device();
    device.find(conversationId);
    await this.#reach.oneself.set([chat("pinned", conversationId, on ? 1 : null)]);
  }

  /** Mark a conversation as unread, until it is opened. Nobody's receipts change. */
  async markUnread(conversationId: ConversationId, on: boolean): Promise<void> {
    const device = await this.#reach.device();
    const { readSeq } = device.find(conversationId).record;
    await this.#reach.oneself.set([chat("unread", conversationId, on ? readSeq : null)]);
  }

  /**
   * Delete messages from this person's devices alone. They are hidden at once; for `undoMs` {@link undo}
   * brings them back. Rejects with `not_found`, and `message_invalid` for an order.
   */
  async delete(
    conversationId: ConversationId,
    messageIds: readonly MessageId[],
    undoMs: number,
  ): Promise<void> {
    const device = await this.#reach.device();
    const found = await storedMessages(device.context.vault, conversationId, messageIds);
    const gone = messageIds.map((messageId) => {
      const message = found.get(messageId);
      if (message?.seq == null) throw failure("not_found");
      if (!goesForOneself(message)) throw failure("message_invalid");
      return { name: "gone", of: conversationId, part: messageId, value: 1 } as const;
    });
    await this.#reach.oneself.set(gone, undoMs);
  }

  /**
   * Delete all messages that a conversation has now from this person's devices; orders stay on the page
   * of orders. For `undoMs` {@link undo} restores the messages; after that they count as read.
   */
  async clear(conversationId: ConversationId, undoMs: number): Promise<void> {
    const device = await this.#reach.device();
    const conversation = device.find(conversationId);
    const to = conversation.record.log?.cursor ?? 0;
    await this.#reach.oneself.set([chat("cleared", conversationId, to)], undoMs);
  }

  /** Bring back messages that were deleted, as far as they are here still; null: the cleared ones. */
  undo(conversationId: ConversationId, messageIds: readonly MessageId[] | null): Promise<void> {
    const of = conversationId;
    const keys: readonly ItemKey[] =
      messageIds === null
        ? [{ name: "cleared", of, part: null }]
        : messageIds.map((part) => ({ name: "gone", of, part }) as const);
    return this.#reach.oneself.undo(keys);
  }

  // --- Folders ---------------------------------------------------------------------------------

  /** This person's folders by name. */
  async folders(): Promise<readonly Folder[]> {
    await this.#reach.device();
    return this.#reach.oneself.folders();
  }

  /** Make a folder, or give one another name. Rejects with `message_invalid`, and `own_limit` above 20. */
  async nameFolder(
    name: string,

    /** Made by the host where absent, so that a repeated call makes no second folder. */
    folderId: FolderId = newId(),
  ): Promise<FolderId> {
    await this.#reach.device();
    const { oneself } = this.#reach;
    const value = name.trim();
    if (value === "" || value.length > MAX_FOLDER_NAME) throw failure("message_invalid");
    const fresh = oneself.value("folder", folderId) === null;
    if (fresh && oneself.all("folder").length >= MOST_FOLDERS)
      throw failure("own_limit", { details: { limit: MOST_FOLDERS } });
    await oneself.set([{ name: "folder", of: folderId, part: null, value }]);
    return folderId;
  }

  /** The conversations in it stay. */
  async removeFolder(folderId: FolderId): Promise<void> {
    await this.#reach.device();
    const { oneself } = this.#reach;
    await oneself.set([
      { name: "folder", of: folderId, part: null, value: null },
      ...oneself
        .filedIn(folderId)
        .map((part) => ({ name: "filed", of: folderId, part, value: null }) as const),
    ]);
  }

  /** Put a conversation into a folder, or take it out. */
  async file(conversationId: ConversationId, folderId: FolderId, on: boolean): Promise<void> {
    const device = await this.#reach.device();
    device.find(conversationId);
    await this.#reach.oneself.set([
      { name: "filed", of: folderId, part: conversationId, value: on ? 1 : null },
    ]);
  }
}

function chat(name: ItemName, of: ConversationId, value: number | null): ItemChange {
  return { name, of, part: null, value };
}
