/** The pinned messages of a conversation, read again when its pins or one of these messages change. */
import type { ConversationItem, CoreEvent, PinnedMessage } from "@copconnect/client/core";
import { untrack } from "svelte";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { core } from "#app/core.ts";

export class PinnedMessages {
  /** The pinned messages that this device has, the last pinned first; null: not read yet. */
  messages = $state.raw<readonly PinnedMessage[] | null>(null);
  #run = 0;

  /** To be made while a component is; `item`: its conversation. */
  constructor(item: () => ConversationItem) {
    const ids = $derived(item().pins.join());
    $effect(() => {
      void ids;
      // An event that removes the conversation takes the item away before the component.
      const asked = untrack(item);
      void this.#read(asked);
      return onCoreEvent((event) => {
        if (changesOne(event, asked)) void this.#read(asked);
      });
    });
  }

  async #read({ conversationId, pins }: ConversationItem): Promise<void> {
    const run = ++this.#run;
    const found = pins.length === 0 ? [] : await read(conversationId);
    if (run === this.#run && found !== null) this.messages = found;
  }
}

/** Null: the app is locked, or closing. */
function read(id: ConversationItem["conversationId"]): Promise<readonly PinnedMessage[] | null> {
  return core()
    .messages.pinned(id)
    .catch(() => null);
}

function changesOne(event: CoreEvent, { conversationId, pins }: ConversationItem): boolean {
  if (event.type === "messages" && event.conversationId === conversationId)
    return event.items.some(({ messageId }) => pins.includes(messageId));
  if (event.type === "message_removed" && event.conversationId === conversationId)
    return pins.includes(event.messageId);
  return false;
}
