/** `core.search`: messages on this device, by their words, person, conversation, kind and date. */
import type { Conversation, ConversationIndex } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { previewOf } from "../kinds/content.ts";
import { decodedOf } from "../conversation/messages.ts";
import type { ConversationId } from "../ids.ts";
import type { PeopleDirectory } from "../people/people.ts";
import { STORES, type MessageRecord } from "../records.ts";
import type { ViewMaker } from "../messages/views.ts";
import type {
  FoundMessage,
  FoundMessages,
  GalleryPage,
  GalleryQuery,
  MessageItem,
  MessageQuery,
} from "../seam.ts";
import { candidates, comparison, ordersOf, type Candidate } from "./finding.ts";
import type { MessageIndex } from "./message-index.ts";
import { calledPerson, type CardSource } from "../conversation/called-people.ts";
import type { CalledPerson } from "../kinds/called.ts";
import { bitOf, kindsOf, textsOf } from "./texts.ts";

const PAGE = 20;
const MOST_ON_A_PAGE = 50;
/** So many candidates are read for each message that is asked for. */
const READ = 4;

export interface SearchSources {
  readonly context: CardSource & Pick<DeviceContext, "vault" | "identity">;
  readonly book: ConversationIndex;
  readonly index: MessageIndex;
  readonly people: Pick<PeopleDirectory, "plate">;
  readonly views: Pick<ViewMaker, "message">;
}

export class SearchCalls {
  readonly #sources: SearchSources;

  constructor(sources: SearchSources) {
    this.#sources = sources;
  }

  /** The messages that a query finds, in pages. A query that asks for nothing finds nothing. */
  async find(query: MessageQuery): Promise<FoundMessages> {
    const { index } = this.#sources;
    const segments = await index.segments();
    const { progress: indexing } = index;
    if (!asks(query)) return { messages: [], next: null, indexing };
    const limit = Math.max(1, Math.min(MOST_ON_A_PAGE, query.limit ?? PAGE));
    const begin = query.after ?? 0;
    const end = begin + limit * READ;
    const found = candidates(segments, query, end + 1);
    const compare = comparison(query.text);
    const messages: FoundMessage[] = [];
    const seen = new Set<string>();
    let next = begin;
    while (messages.length < limit && next < Math.min(end, found.length)) {
      const some = found.slice(next, Math.min(end, next + limit - messages.length));
      next += some.length;
      for (const one of await Promise.all(some.map((place) => this.#read(place, query, compare)))) {
        if (one === null || seen.has(one.messageId)) continue;
        seen.add(one.messageId);
        messages.push(one);
      }
    }
    return { messages, next: next < found.length ? next : null, indexing };
  }

  /** A conversation's messages of a kind, the newest first, in pages; without deleted ones. */
  async gallery({ conversationId, kind, before, limit }: GalleryQuery): Promise<GalleryPage> {
    const { book, index } = this.#sources;
    const segments = await index.segments();
    const { progress: indexing } = index;
    const conversation = book.find(conversationId);
    if (conversation === null) return { messages: [], next: null, indexing };
    const size = Math.max(1, Math.min(MOST_ON_A_PAGE, limit ?? PAGE));
    const orders = ordersOf(segments, conversationId, kind, before ?? Infinity);
    const messages: MessageItem[] = [];
    let read = 0;
    while (messages.length < size && read < orders.length) {
      const some = orders.slice(read, read + size - messages.length);
      read += some.length;
      const items = await Promise.all(some.map((order) => this.#item(conversation, order, kind)));
      messages.push(...items.filter((one) => one !== null));
    }
    const last = orders[read - 1];
    return { messages, next: read < orders.length && last !== undefined ? last : null, indexing };
  }

  async #item(
    conversation: Conversation,
    order: number,
    kind: GalleryQuery["kind"],
  ): Promise<MessageItem | null> {
    const record = await this.#record(conversation.id, order);
    if (record === null || (kindsOf(decodedOf(record), await this.#me()) & bitOf(kind)) === 0)
      return null;
    const item = await this.#sources.views.message(conversation, record);
    return item.body.kind === "deleted" ? null : item;
  }

  /** The message at an order in its conversation; null if its words are gone. */
  async #record(conversationId: ConversationId, order: number): Promise<MessageRecord | null> {
    const [record] = await this.#sources.context.vault.page<MessageRecord>({
      ...{ store: STORES.messages, group: conversationId, above: order - 0.5, below: order + 0.5 },
      ...{ limit: 1, descending: false },
    });
    return record?.content == null ? null : record;
  }

  #me(): Promise<CalledPerson> {
    const { context } = this.#sources;
    return calledPerson(context, context.identity().personId);
  }

  /** The message at a place, if it still fits the query. */
  async #read(
    { conversationId, order }: Candidate,
    query: MessageQuery,
    compare: ReturnType<typeof comparison>,
  ): Promise<FoundMessage | null> {
    const { book, people } = this.#sources;
    const record = await this.#record(conversationId, order);
    if (book.find(conversationId) === null || record === null) return null;
    const content = decodedOf(record);
    const { senderId, sentMs, messageId, mine } = record;
    const { personId, kind, fromMs, toMs } = query;
    const fits =
      (personId === undefined || senderId === personId) &&
      (kind === undefined || (kindsOf(content, await this.#me()) & bitOf(kind)) !== 0) &&
      sentMs >= (fromMs ?? -Infinity) &&
      sentMs < (toMs ?? Infinity);
    const snippet = fits ? compare(textsOf(content)) : null;
    if (snippet === null) return null;
    return {
      ...{ conversationId, messageId, sentMs, mine },
      sender: await people.plate(senderId),
      preview: previewOf(content),
      snippet: snippet.text === "" ? null : snippet,
    };
  }
}

function asks({ text, personId, kind, fromMs, toMs }: MessageQuery): boolean {
  return text.trim() !== "" || [personId, kind, fromMs, toMs].some((one) => one !== undefined);
}
