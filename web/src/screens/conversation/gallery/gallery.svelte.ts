/** One tab of a conversation's gallery: the pages that are loaded, in step with the core's events. */
import type { ConversationId } from "@copconnect/client/wire";
import type { CoreEvent, GalleryPage, MessageItem } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { Loading } from "#app/state/loading.svelte.ts";
import { monthsOf, sharedIn, type GalleryKind } from "./shared.ts";

const PAGE = 40;
/** The index reads new messages within half a second; until all are in it, the gallery looks again. */
const AGAIN_MS = 1_500;

export class Gallery {
  readonly #conversationId: ConversationId;
  readonly kind: GalleryKind;
  readonly first = new Loading<GalleryPage>();
  #loadingMore = false;
  #messages = $state.raw<readonly MessageItem[]>([]);
  #next = $state<number | null>(null);
  #again: ReturnType<typeof setTimeout> | undefined;
  readonly shared = $derived.by(() => sharedIn(this.#messages, this.kind));
  readonly months = $derived(monthsOf(this.shared));

  constructor(conversationId: ConversationId, kind: GalleryKind) {
    this.#conversationId = conversationId;
    this.kind = kind;
  }

  get more(): boolean {
    return this.#next !== null;
  }

  /** Load the first page and follow what changes. Returns what ends it. */
  follow(): () => void {
    const stop = onCoreEvent((event) => this.take(event));
    void this.load();
    return () => {
      stop();
      clearTimeout(this.#again);
    };
  }

  async load(): Promise<void> {
    await this.first.load(() => this.#page(null));
    if (this.first.value?.indexing != null) this.#loadAgain();
  }

  async loadMore(): Promise<void> {
    if (this.#next === null || this.#loadingMore) return;
    this.#loadingMore = true;
    try {
      await this.#page(this.#next);
    } finally {
      this.#loadingMore = false;
    }
  }

  async #page(before: number | null): Promise<GalleryPage> {
    const page = await core().search.gallery({
      ...{ conversationId: this.#conversationId, kind: this.kind, limit: PAGE },
      ...(before === null ? {} : { before }),
    });
    // A first page that comes again goes before the loaded ones.
    const others = this.#messages.filter((one) => !has(page.messages, one));
    if (before !== null || others.length === 0) this.#next = page.next;
    this.#messages =
      before === null ? [...page.messages, ...others] : [...others, ...page.messages];
    return page;
  }

  #loadAgain(): void {
    clearTimeout(this.#again);
    this.#again = setTimeout(() => void this.load(), AGAIN_MS);
  }

  take(event: CoreEvent): void {
    if (!("conversationId" in event) || event.conversationId !== this.#conversationId) return;
    if (event.type === "message_removed") {
      this.#messages = this.#messages.filter(({ messageId }) => messageId !== event.messageId);
    } else if (event.type === "messages") {
      const { items } = event;
      if (items.some((one) => !has(this.#messages, one))) this.#loadAgain();
      this.#messages = this.#messages.map((one) => {
        return items.findLast(({ messageId }) => messageId === one.messageId) ?? one;
      });
    } else if (event.type === "attachment") {
      const { attachmentId, progress, local } = event.attachment;
      this.#messages = this.#messages.map((message) => {
        const { body } = message;
        if (!("attachments" in body)) return message;
        if (!body.attachments.some((one) => one.attachmentId === attachmentId)) return message;
        const attachments = body.attachments.map((one) => {
          return one.attachmentId === attachmentId ? { ...one, progress, local } : one;
        });
        return { ...message, body: { ...body, attachments } };
      });
    }
  }
}

function has(messages: readonly MessageItem[], { messageId }: MessageItem): boolean {
  return messages.some((one) => one.messageId === messageId);
}
