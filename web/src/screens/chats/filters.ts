/** Which conversations the list shows. Pure. */
import type { ConversationItem } from "@copconnect/client/core";

export type Filter = "all" | "unread" | "direct" | "groups" | "units" | "roles";

function fits(item: ConversationItem, filter: Filter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "unread":
      return item.unread > 0;
    case "direct":
      return item.kind === "direct";
    case "groups":
      return item.kind === "group";
    case "units":
      return item.standing?.about === "unit";
    case "roles":
      return item.standing?.about === "role";
  }
}

/** The filters that would show something; "all" and "unread" always. */
export function offered(items: readonly ConversationItem[]): readonly Filter[] {
  const kinds: readonly Filter[] = ["units", "roles", "direct", "groups"];
  return ["all", "unread", ...kinds.filter((filter) => items.some((item) => fits(item, filter)))];
}

/**
 * Conversations that fit the filter and whose words hold every word of the search. `words` gives
 * all a conversation can be found by, in every script.
 */
export function shown(
  items: readonly ConversationItem[],
  filter: Filter,
  search: string,
  words: (item: ConversationItem) => string,
): readonly ConversationItem[] {
  const wanted = search.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  return items.filter((item) => {
    if (!fits(item, filter)) return false;
    if (wanted.length === 0) return true;
    const text = words(item).toLocaleLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
