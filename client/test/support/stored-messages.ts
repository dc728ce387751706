/** Messages in a vault without the device that received them: for the search over them. */
import { Conversation } from "#core/conversation/conversation.ts";
import { newRecord } from "#core/conversation/record.ts";
import type { DeviceContext, Identity } from "#core/context.ts";
import { newId, type ConversationId, type MessageId, type PersonId } from "#core/ids.ts";
import type { PersonCard } from "#core/keys/trust/person-card.ts";
import { encodeContent, type Content } from "#core/kinds/content.ts";
import { putMessage } from "#core/conversation/messages.ts";
import type { MessageRecord } from "#core/records.ts";
import type { MessageItem } from "#core/seam.ts";
import { SearchCalls } from "#core/search/calls.ts";
import { MessageIndex, type MessageIndexOptions } from "#core/search/message-index.ts";
import type { Vault } from "#core/vault/vault.ts";
import type { Conversation as WireConversation } from "#core/wire.ts";

const NOBODY = {
  conversation: () => undefined,
  message: () => undefined,
  removed: () => undefined,
  notify: () => undefined,
  members: () => undefined,
  filesDropped: () => undefined,
};

export function text(words: string): Content {
  return { kind: "text", text: words, mentions: [], replyTo: null, forwards: 0 };
}

export class StoredMessages {
  readonly conversations = new Map<ConversationId, Conversation>();
  readonly vault: Vault;
  readonly me = newId<PersonId>();

  constructor(vault: Vault) {
    this.vault = vault;
  }

  find(id: ConversationId): Conversation | null {
    return this.conversations.get(id) ?? null;
  }

  add(): Conversation {
    const info = { conversationId: newId<ConversationId>(), preferences: {}, some: [] };
    const context = { vault: this.vault } as unknown as DeviceContext;
    const record = newRecord(info as unknown as WireConversation);
    const made = new Conversation(context, NOBODY, record, () => undefined);
    this.conversations.set(made.id, made);
    return made;
  }

  /** A message of the log, stored as the inbox stores it. */
  async put(
    conversation: Conversation,
    seq: number,
    content: Content,
    more: Partial<MessageRecord> = {},
  ): Promise<MessageRecord> {
    const message = messageOf(conversation.id, seq, content, more);
    await conversation.change((work) => {
      work.put(message);
      return Promise.resolve();
    });
    return message;
  }

  /** Many at once. */
  write(messages: readonly MessageRecord[]): Promise<void> {
    return this.vault.write(messages.map(putMessage));
  }

  /** A search over them, as a core that starts now makes it. */
  search(more: Partial<MessageIndexOptions> & { readonly signal?: AbortSignal } = {}): {
    readonly index: MessageIndex;
    readonly calls: SearchCalls;
  } {
    const signal = more.signal ?? new AbortController().signal;
    const identity = (): Identity => ({ personId: this.me }) as Identity;
    const said = (word: string) => [{ script: "Latn", text: word }];
    const card = { rank: said("Constable"), post: said("SHO"), path: "TG/CHAR" };
    const trust = { card: () => Promise.resolve(card as unknown as PersonCard) };
    const context = { vault: this.vault, signal, identity, trust };
    const index = new MessageIndex({ context, book: this, ...more });
    const people = { plate: () => Promise.resolve(null) };
    const views = {
      message: (_: Conversation, { messageId }: MessageRecord) =>
        Promise.resolve({ messageId, body: { kind: "text" } } as MessageItem),
    };
    return { index, calls: new SearchCalls({ context, book: this, index, people, views }) };
  }
}

export function messageOf(
  conversationId: ConversationId,
  seq: number,
  content: Content,
  more: Partial<MessageRecord> = {},
): MessageRecord {
  return {
    messageId: newId<MessageId>(),
    conversationId,
    order: seq,
    seq,
    senderId: newId<PersonId>(),
    mine: false,
    sentMs: 1_790_000_000_000 + seq * 60_000,
    content: encodeContent(content),
    notice: null,
    failure: null,
    ...more,
  };
}

/** Wait until every message is indexed. */
export async function indexed(index: MessageIndex): Promise<void> {
  await index.segments();
  while (index.working) await new Promise((resolve) => setTimeout(resolve, 5));
}
