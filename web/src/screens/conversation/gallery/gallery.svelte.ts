/** One tab of a conversation's gallery: the pages that are loaded, in step with the core's events. */
import type { ConversationId } from "@copconnect/client/wire";
import type {
  AttachmentView,
  CoreEvent,
  GalleryPage,
  MessageItem,
  SearchKind,
} from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { Loading } from "#app/state/loading.svelte.ts";
import { linksOf, textOf } from "../messages/text.ts";

export const GALLERY_KINDS = ["media", "document", "link", "place"] as const;
export type GalleryKind = (typeof GALLERY_KINDS)[number] & SearchKind;

const PAGE = 40;
/** The index takes up new messages within half a second; until all are in it, the gallery looks again. */
const AGAIN_MS = 1_500;

/** A picture, file or link, with its message. */
export interface Shared {
  readonly key: string;
  readonly message: MessageItem;
  readonly attachment?: AttachmentView;
  readonly link?: { readonly text: string; readonly href: string };
}

export interface Month {
  readonly key: string;
  /** A moment within it. */
  readonly ms: number;
  readonly shared: readonly Shared[];
}

/** The parts of messages that a tab shows. Pure. */
export function sharedIn(messages: readonly MessageItem[], kind: GalleryKind): readonly Shared[] {
  return messages.flatMap((message): readonly Shared[] => {
    const { body, messageId } = message;
    if (body.kind === "deleted") return [];
    if (kind === "place") return [{ key: messageId, message }];
    if (kind === "link")
      return linksOf(textOf(body)).map((link, at) => {
        return { key: `${messageId}/${String(at)}`, message, link };
      });
    const files = "attachments" in body ? body.attachments : [];
    return files
      .filter((file) => (file.kind === "document") === (kind === "document"))
      .filter((file) => file.kind !== "audio" && file.kind !== "voice")
      .map((attachment) => ({
        key: `${messageId}/${attachment.attachmentId}`,
        message,
        attachment,
      }));
  });
}

/** By months of this device's calendar, in the order in which they come. Pure. */
export function monthsOf(shared: readonly Shared[]): readonly Month[] {
  const months = new Map<string, { ms: number; shared: Shared[] }>();
  for (const one of shared) {
    const { sentMs: ms } = one.message;
    const day = new Date(ms);
    const key = `${String(day.getFullYear())}-${String(day.getMonth())}`;
    const month = months.get(key) ?? { ms, shared: [] };
    months.set(key, month);
    month.shared.push(one);
  }
  return [...months].map(([key, month]) => ({ key, ...month }));
}

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
    // A first page that comes again goes before those that are loaded.
    const found = new Set(page.messages.map(({ messageId }) => messageId));
    const others = this.#messages.filter(({ messageId }) => !found.has(messageId));
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
      const items = new Map(event.items.map((item) => [item.messageId, item]));
      const known = new Set(this.#messages.map(({ messageId }) => messageId));
      this.#messages = this.#messages.map((one) => items.get(one.messageId) ?? one);
      if (event.items.some(({ messageId }) => !known.has(messageId))) this.#loadAgain();
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
