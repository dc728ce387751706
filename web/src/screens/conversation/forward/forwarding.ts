/** Chosen messages on their way to other chats: to try again sends none of them twice. */
import { newId, type MessageItem } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { core } from "#app/core.ts";

export class Forwarding {
  readonly #messages: readonly (readonly [MessageItem, MessageId])[];

  constructor(messages: readonly MessageItem[]) {
    this.#messages = messages.map((one) => [one, newId<MessageId>()]);
  }

  /** Forward each of them, with one's own words after the last. */
  async send(to: readonly ConversationId[], words: string): Promise<void> {
    for (const [at, [{ conversationId, messageId }, forwardId]] of this.#messages.entries()) {
      const own = at === this.#messages.length - 1 ? words : "";
      await core().forwarding.forward({ conversationId, messageId }, to, own, forwardId);
    }
  }
}
