/**
 * Tells the screens what changed. Changes are collected while views are being made, so that a
 * catch-up of hundreds of entries becomes a few events; the first change after quiet goes out at
 * once. Events keep their order. Failures to make a view (locked meanwhile) drop the event: the
 * screens fetch afresh when they come back.
 */
import type { AttachmentId, ConversationId, MessageId, PersonId } from "../ids.ts";
import type { Conversation, ConversationListener } from "../conversation/conversation.ts";
import type { FreshMessage } from "../conversation/unit-of-work.ts";
import type { CoreEvent, ConversationItem, MessageItem, Plate } from "../seam.ts";
import type { MessageRecord } from "../records.ts";

export interface Views {
  conversation(conversation: Conversation): Promise<ConversationItem>;
  message(conversation: Conversation, record: MessageRecord): Promise<MessageItem>;
  plate(personId: PersonId): Promise<Plate | null>;
}

interface Notifiable extends FreshMessage {
  readonly conversation: Conversation;
  readonly record: MessageRecord;
}

export class Announcer implements ConversationListener {
  readonly #emit: (event: CoreEvent) => void;
  readonly #mayNotify: (conversation: Conversation, called: boolean) => boolean;
  readonly #onFilesDropped: (attachmentIds: readonly AttachmentId[]) => void;
  #views: Views | null = null;
  #conversations = new Map<ConversationId, Conversation>();
  #messages = new Map<
    ConversationId,
    { conversation: Conversation; records: Map<MessageId, MessageRecord> }
  >();
  #notify: Notifiable[] = [];
  #others: CoreEvent[] = [];
  #flushing = false;

  constructor(
    emit: (event: CoreEvent) => void,
    mayNotify: (conversation: Conversation, called: boolean) => boolean,
    onFilesDropped: (attachmentIds: readonly AttachmentId[]) => void,
  ) {
    this.#emit = emit;
    this.#mayNotify = mayNotify;
    this.#onFilesDropped = onFilesDropped;
  }

  use(views: Views): void {
    this.#views = views;
  }

  conversation(conversation: Conversation): void {
    this.#conversations.set(conversation.id, conversation);
    this.#flushSoon();
  }

  message(conversation: Conversation, record: MessageRecord): void {
    let entry = this.#messages.get(conversation.id);
    if (entry === undefined) {
      entry = { conversation, records: new Map() };
      this.#messages.set(conversation.id, entry);
    }
    entry.records.set(record.messageId, record);
    this.#flushSoon();
  }

  removed(conversationId: ConversationId, messageId: MessageId): void {
    this.#messages.get(conversationId)?.records.delete(messageId);
    this.#later({ type: "message_removed", conversationId, messageId });
  }

  members(conversationId: ConversationId): void {
    const known = this.#others.some(
      (event) => event.type === "members" && event.conversationId === conversationId,
    );
    if (!known) this.#later({ type: "members", conversationId });
  }

  gone(conversationId: ConversationId): void {
    this.#conversations.delete(conversationId);
    this.#messages.delete(conversationId);
    this.#later({ type: "conversation_gone", conversationId });
  }

  notify(conversation: Conversation, record: MessageRecord, news: FreshMessage): void {
    if (!this.#mayNotify(conversation, news.calls)) return;
    this.#notify.push({ conversation, record, ...news });
    this.#flushSoon();
  }

  filesDropped(attachmentIds: readonly AttachmentId[]): void {
    this.#onFilesDropped(attachmentIds);
  }

  #later(event: CoreEvent): void {
    this.#others.push(event);
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    void this.#flush();
  }

  async #flush(): Promise<void> {
    await Promise.resolve();
    try {
      for (;;) {
        const messages = [...this.#messages.values()];
        const conversations = [...this.#conversations.values()];
        const notify = this.#notify;
        const others = this.#others;
        if (messages.length + conversations.length + notify.length + others.length === 0) return;
        this.#messages = new Map();
        this.#conversations = new Map();
        this.#notify = [];
        this.#others = [];
        await this.#announce(messages, conversations, notify, others);
      }
    } finally {
      this.#flushing = false;
    }
  }

  async #announce(
    messages: readonly { conversation: Conversation; records: Map<MessageId, MessageRecord> }[],
    conversations: readonly Conversation[],
    notify: readonly Notifiable[],
    others: readonly CoreEvent[],
  ): Promise<void> {
    const views = this.#views;
    if (views === null) return;
    for (const { conversation, records } of messages) {
      const rising = [...records.values()].sort((a, b) => a.order - b.order);
      await attempt(async () => {
        const items = await Promise.all(
          rising.map((record) => views.message(conversation, record)),
        );
        if (items.length > 0) {
          this.#emit({ type: "messages", conversationId: conversation.id, items });
        }
      });
    }
    for (const event of others) this.#emit(event);
    for (const conversation of conversations) {
      await attempt(async () => {
        this.#emit({ type: "conversation", item: await views.conversation(conversation) });
      });
    }
    for (const { conversation, record, reaction } of notify) {
      await attempt(async () => {
        const item = await views.message(conversation, record);
        const by = reaction === null ? null : await views.plate(reaction.personId);
        const said = reaction === null ? {} : { reaction: { emoji: reaction.emoji, by } };
        this.#emit({ type: "notify", conversationId: conversation.id, item, ...said });
      });
    }
  }
}

async function attempt(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch {
    // See the invariant above.
  }
}
