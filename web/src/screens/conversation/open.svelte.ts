/**
 * The messages of one conversation as far as they have been loaded, kept in step with the core's
 * events. The last few conversations stay loaded, so that coming back finds the same place.
 *
 * Invariants: `messages` is in the core's order (seq, then what has none yet) and without holes: an
 * event about a message older than the loaded part only updates what is there.
 */
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import type {
  CoreEvent,
  LinkedPage,
  Mention,
  MessageItem,
  ReplyQuote,
} from "@copconnect/client/core";
import { onCoreEvent, onLeaving } from "#app/state/app.svelte.ts";
import { conversations } from "#app/state/conversations.svelte.ts";
import { core } from "#app/core.ts";
import { Loading } from "#app/state/loading.svelte.ts";

const PAGE = 60;
/** A screen: what an open conversation shows first. */
const FIRST = 12;
const KEPT = 6;

function before(a: MessageItem, b: MessageItem): number {
  if (a.seq === null || b.seq === null) {
    if (a.seq === null && b.seq === null) return a.sentMs - b.sentMs;
    return a.seq === null ? 1 : -1;
  }
  return a.seq - b.seq;
}

/**
 * Put changed messages into an ordered list. `partial`: older ones exist that are not in it; `newer`:
 * later ones do.
 */
export function merge(
  messages: readonly MessageItem[],
  items: readonly MessageItem[],
  partial: boolean,
  newer = false,
): readonly MessageItem[] {
  const next = [...messages];
  const oldest = partial ? (messages[0]?.seq ?? null) : null;
  const newest = newer ? (messages.at(-1)?.seq ?? 0) : Infinity;
  let moved = false;
  for (const item of items) {
    const at = next.findLastIndex((one) => one.messageId === item.messageId);
    if (at >= 0) {
      moved ||= next[at]?.seq !== item.seq;
      next[at] = item;
    } else if ((item.seq ?? Infinity) > newest) {
      continue;
    } else if (oldest === null || item.seq === null || item.seq > oldest) {
      next.push(item);
      moved = true;
    }
  }
  return moved ? next.sort(before) : next;
}

/** Whether some of the items are older than everything that is loaded. */
export function reachesBack(
  messages: readonly MessageItem[],
  items: readonly MessageItem[],
): boolean {
  const oldest = messages[0]?.seq ?? null;
  return oldest !== null && items.some(({ seq }) => seq !== null && seq < oldest);
}

/** The messages with quotes in the words that the quoted messages of a conversation have now. */
export function requoted(
  messages: readonly MessageItem[],
  from: ConversationId,
  items: readonly MessageItem[],
): readonly MessageItem[] {
  return messages.map((message) => {
    const { replyTo, conversationId } = message;
    if (replyTo === null || (replyTo.conversationId ?? conversationId) !== from) return message;
    const quoted = items.findLast(({ messageId }) => messageId === replyTo.messageId);
    if (quoted === undefined) return message;
    return { ...message, replyTo: { ...replyTo, preview: quoted.preview } };
  });
}

/** Up to five messages that people wrote before one, oldest first. */
export function precedingOf(
  messages: readonly MessageItem[],
  { messageId }: MessageItem,
): readonly MessageItem[] {
  const at = messages.findIndex((one) => one.messageId === messageId);
  return messages
    .slice(0, Math.max(0, at))
    .filter(({ seq, sender }) => seq !== null && sender !== null)
    .slice(-5);
}

/** A text that this person sends. */
export interface DrawnWords {
  readonly messageId: MessageId;
  readonly text: string;
  readonly mentions: readonly Mention[];
  readonly page?: LinkedPage | undefined;
  readonly replyTo: MessageItem | null;
}

/** The quote above an answer to a message; `here`: the conversation of the answer. */
function quoteOf(quoted: MessageItem, here: ConversationId): ReplyQuote {
  const { messageId, conversationId, sender, preview } = quoted;
  const elsewhere = conversationId === here ? null : conversationId;
  return { messageId, conversationId: elsewhere, sender, preview };
}

export class OpenConversation {
  readonly conversationId: ConversationId;
  messages = $state.raw<readonly MessageItem[]>([]);
  more = $state(false);
  /** Messages after the loaded ones are not loaded: somebody went back to a message. */
  newer = $state(false);
  #loadingNewer = false;
  /** The message at the unread line; it stays while the conversation is looked at. */
  firstUnread = $state<MessageId | null>(null);
  /** The last of the loaded messages that its author edited while the conversation was open. */
  edited = $state.raw<MessageItem | null>(null);
  older = $state<"idle" | "loading" | "failed">("idle");
  readonly first = new Loading<true>();
  /** The row at the top of the screen when it was left, and how many pixels of it were above the
   * screen; null at the bottom. */
  place: { readonly key: string; readonly offset: number } | null = null;
  readonly #stop: () => void;

  constructor(conversationId: ConversationId) {
    this.conversationId = conversationId;
    this.#stop = onCoreEvent((event) => this.#takeEvent(event));
    void this.load();
  }

  close(): void {
    this.#stop();
  }

  async load(): Promise<void> {
    await this.first.load(async () => {
      // The unread line is on the first page, as far as that reaches.
      const unread = conversations.get(this.conversationId)?.unread ?? 0;
      const size = Math.min(PAGE, FIRST + unread);
      const page = await core().messages.page(this.conversationId, null, size);
      // Events that came meanwhile are newer than the page.
      this.messages = merge(page.messages, this.messages, page.more);
      this.more = page.more;
      this.firstUnread = page.firstUnread;
      return true as const;
    });
  }

  /** Fetch the page before the oldest message; `prepend` puts it in when it is there. */
  async loadOlder(prepend: (put: () => void) => void): Promise<void> {
    const oldest = this.messages[0];
    if (!this.more || this.older === "loading" || oldest === undefined) return;
    this.older = "loading";
    try {
      const page = await core().messages.page(this.conversationId, oldest.messageId, PAGE);
      // Another part of the conversation was loaded meanwhile.
      if (this.messages[0] !== oldest) {
        this.older = "idle";
        return;
      }
      prepend(() => {
        this.messages = [...page.messages, ...this.messages];
        this.more = page.more && page.messages.length > 0;
        this.older = "idle";
      });
    } catch {
      this.older = "failed";
    }
  }

  /**
   * Draw words of this person before the core has stored them; its events about the message take over. Returns
   * how to take them away where the core does not get them.
   */
  draw(words: DrawnWords): () => void {
    const { messageId, text, mentions, page, replyTo } = words;
    const { conversationId } = this;
    const message: MessageItem = {
      ...{ messageId, conversationId, seq: null, mine: true, sentMs: Date.now() },
      // Messages of one run have one sender.
      sender: this.messages.findLast(({ mine }) => mine)?.sender ?? null,
      body: { kind: "text", text, mentions, ...(page && { page }) },
      preview: { kind: "text", text },
      replyTo: replyTo === null ? null : quoteOf(replyTo, conversationId),
      ...{ answer: null, status: "queued", failure: null },
    };
    this.messages = merge(this.messages, [message], this.more, this.newer);
    return () => (this.messages = this.messages.filter((one) => one !== message));
  }

  /** Fetch the page after the newest message that is loaded. */
  async loadNewer(): Promise<void> {
    const newest = this.messages.at(-1);
    if (!this.newer || this.#loadingNewer || newest === undefined) return;
    this.#loadingNewer = true;
    try {
      const page = await core().messages.after(this.conversationId, newest.messageId, PAGE);
      if (this.messages.at(-1)?.messageId !== newest.messageId) return;
      this.messages = [...this.messages, ...page.messages];
      this.newer = page.newer;
    } catch {
      // The next scroll tries again.
    } finally {
      this.#loadingNewer = false;
    }
  }

  /** Return to the newest messages. */
  async loadNewest(): Promise<void> {
    if (!this.newer) return;
    const page = await core().messages.page(this.conversationId, null, PAGE);
    this.messages = page.messages;
    this.more = page.more;
    this.newer = false;
  }

  /** Load the page around a message that is not loaded. False when it is not on this device. */
  async reach(messageId: MessageId): Promise<boolean> {
    const loaded = this.messages.map((one) => one.messageId);
    if (loaded.includes(messageId)) return true;
    try {
      const page = await core().messages.around(this.conversationId, messageId, PAGE);
      // A page that meets the loaded part from above continues it.
      const meets = page.messages.some((one) => loaded.includes(one.messageId));
      this.newer = meets ? this.newer : page.newer;
      this.messages = meets ? merge(page.messages, this.messages, false) : page.messages;
      this.more = page.more;
      return true;
    } catch {
      return false;
    }
  }

  #requote(from: ConversationId, items: readonly MessageItem[]): void {
    const next = requoted(this.messages, from, items);
    if (next.some((one, at) => one !== this.messages[at])) this.messages = next;
  }

  #editedAmong(items: readonly MessageItem[]): MessageItem | undefined {
    return items.findLast(({ messageId, former = [] }) => {
      const known = this.messages.find((one) => one.messageId === messageId);
      return known !== undefined && former.length > (known.former ?? []).length;
    });
  }

  #takeEvent(event: CoreEvent): void {
    if (event.type === "messages") this.#requote(event.conversationId, event.items);
    if (event.type === "messages" && event.conversationId === this.conversationId) {
      // Earlier messages that fill in on a new device are fetched when somebody scrolls to them.
      if (reachesBack(this.messages, event.items)) this.more = true;
      this.edited = this.#editedAmong(event.items) ?? this.edited;
      this.messages = merge(this.messages, event.items, this.more, this.newer);
    } else if (event.type === "message_removed" && event.conversationId === this.conversationId) {
      this.messages = this.messages.filter((one) => one.messageId !== event.messageId);
    } else if (event.type === "attachment") {
      // A forwarded file is one file in all of its conversations.
      const { attachmentId, progress, local } = event.attachment;
      const shows = ({ body }: MessageItem): boolean =>
        "attachments" in body && body.attachments.some((one) => one.attachmentId === attachmentId);
      if (!this.messages.some(shows)) return;
      this.messages = this.messages.map((message) =>
        "attachments" in message.body && shows(message)
          ? {
              ...message,
              body: {
                ...message.body,
                attachments: message.body.attachments.map((one) =>
                  one.attachmentId === attachmentId ? { ...one, progress, local } : one,
                ),
              },
            }
          : message,
      );
    }
  }
}

let kept: readonly OpenConversation[] = [];

/**
 * The conversation's messages, loaded before or from now on. With unread messages it begins at the first
 * of them, and not where it was left.
 */
export function openConversation(conversationId: ConversationId): OpenConversation {
  const known = kept.find((one) => one.conversationId === conversationId);
  const isNews = (conversations.get(conversationId)?.unread ?? 0) > 0;
  if (isNews) known?.close();
  const opened = isNews || known === undefined ? new OpenConversation(conversationId) : known;
  kept = [...kept.filter((one) => one !== known), opened];
  for (const old of kept.slice(0, -KEPT)) old.close();
  kept = kept.slice(-KEPT);
  return opened;
}

/** Forget everything that was opened. */
function closeConversations(): void {
  for (const one of kept) one.close();
  kept = [];
}

onLeaving(closeConversations);
