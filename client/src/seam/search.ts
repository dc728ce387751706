/** Messages that a search finds. */
import type { ConversationId, MessageId, PersonId } from "../ids.ts";
import type { SearchKind } from "../kinds/kind.ts";
import type { Progress } from "./progress.ts";
import type { MessageItem, Preview } from "./messages.ts";
import type { Plate } from "../names.ts";

/** Messages that have all of these; the text may be empty beside one of the others. */
export interface MessageQuery {
  /** Each word, or its beginning, in any of the four scripts. */
  readonly text: string;
  readonly conversationId?: ConversationId;
  /** Its sender. */
  readonly personId?: PersonId;
  readonly kind?: SearchKind;
  /** Sent at or after this time, and before that one. */
  readonly fromMs?: number;
  readonly toMs?: number;
  readonly limit?: number;
  /** {@link FoundMessages.next} of the page before. */
  readonly after?: number;
}

/** A part of a message's text around the words that were found. */
export interface Snippet {
  readonly text: string;
  /** The words that were found, as places in `text`: the first, and the one after the last. */
  readonly marks: readonly (readonly [number, number])[];
}

export interface FoundMessage {
  readonly conversationId: ConversationId;
  readonly messageId: MessageId;
  readonly sentMs: number;
  readonly sender: Plate | null;
  readonly mine: boolean;
  readonly preview: Preview;
  /** Null: the message has no words. */
  readonly snippet: Snippet | null;
}

/** Messages with the spelling of the query before messages with its sound; newest first in both. */
export interface FoundMessages {
  readonly messages: readonly FoundMessage[];
  /** For the next page; null: there is none. */
  readonly next: number | null;
  /** How many messages are indexed of those on this device; null: all are. */
  readonly indexing: Progress | null;
}

/** A page of a conversation's messages of one kind. */
export interface GalleryQuery {
  readonly conversationId: ConversationId;
  readonly kind: SearchKind;
  /** {@link GalleryPage.next} of the page before. */
  readonly before?: number;
  readonly limit?: number;
}

export interface GalleryPage {
  /** The newest first. */
  readonly messages: readonly MessageItem[];
  /** For the next page; null: there is none. */
  readonly next: number | null;
  /** As {@link FoundMessages.indexing}. */
  readonly indexing: Progress | null;
}
