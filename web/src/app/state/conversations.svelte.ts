/**
 * All conversations, kept in step with the core's events: pinned ones first, then by the newest
 * message. A conversation's own screen reads its item from here, so that list and header agree.
 */
import type { ConversationId } from "@copconnect/client/wire";
import type { ConversationItem } from "@copconnect/client/core";
import { SvelteMap } from "svelte/reactivity";
import { onCoreEvent } from "./app.svelte.ts";
import { core } from "../core.ts";
import { Loading } from "./loading.svelte.ts";

const items = new SvelteMap<ConversationId, ConversationItem>();
const first = new Loading<true>();

function newest(item: ConversationItem): number {
  return item.last?.sentMs ?? item.createdMs;
}

/** A conversation for orders to a unit is in no list before it holds one. */
function isShown({ standing, empty }: ConversationItem): boolean {
  return standing?.about !== "orders" || !empty;
}

/** A person's chat that was opened, perhaps by mistake, and left. */
function isOnlyOpened({ kind, empty, state, draft, draftFiles }: ConversationItem): boolean {
  const untouched = empty && draft === null && draftFiles === 0;
  return kind === "direct" && untouched && state !== "alarm";
}

const sorted = $derived(
  [...items.values()]
    .filter(isShown)
    .sort((a, b) => Number(b.pinned) - Number(a.pinned) || newest(b) - newest(a)),
);
const begun = $derived(sorted.filter((item) => !isOnlyOpened(item)));
const unread = $derived(
  sorted.reduce(
    (sum, { mutedUntilMs, archived, unread }) =>
      sum + (mutedUntilMs === null && !archived ? unread : 0),
    0,
  ),
);

export const conversations = {
  get sorted(): readonly ConversationItem[] {
    return sorted;
  },
  /** Those of the list of chats: without people's chats that were only opened. */
  get begun(): readonly ConversationItem[] {
    return begun;
  },
  /** Unread messages outside muted and archived conversations. */
  get unread(): number {
    return unread;
  },
  get loaded(): boolean {
    return first.value === true;
  },
  get slow(): boolean {
    return first.slow;
  },
  get error(): unknown {
    return first.error;
  },
  get(conversationId: ConversationId): ConversationItem | undefined {
    return items.get(conversationId);
  },
};

/** Take an item that a call has returned, before its event arrives. */
export function adoptConversation(item: ConversationItem): void {
  items.set(item.conversationId, item);
}

export async function loadConversations(): Promise<void> {
  await first.load(async () => {
    const asked = following;
    const all = await core().conversations.list();
    // The app may have been locked meanwhile.
    if (following === asked) {
      items.clear();
      for (const item of all) items.set(item.conversationId, item);
    }
    return true as const;
  });
}

/** How to stop following the conversations, and to forget them; null: nobody follows them. */
let following: (() => void) | null = null;

/**
 * Follow the conversations. The start of the app calls this while their screen is still loaded, and the screen
 * calls it again: one call asks the core, unless that failed because the app was locked then.
 */
export function followConversations(): () => void {
  if (first.error !== null) following?.();
  if (following !== null) return following;
  const stop = onCoreEvent((event) => {
    if (event.type === "conversation") items.set(event.item.conversationId, event.item);
    if (event.type === "conversation_gone") items.delete(event.conversationId);
    if (event.type === "app" && event.state.phase !== "ready") forget();
  });
  const forget = (): void => {
    if (following !== forget) return;
    following = null;
    stop();
    items.clear();
    first.clear();
  };
  following = forget;
  void loadConversations();
  return forget;
}
