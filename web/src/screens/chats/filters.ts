/** The conversations that the list shows, and the words by which one is found. */
import type { Directory, UnitId } from "@copconnect/client/wire";
import {
  rankSpellings,
  spellings,
  type ConversationItem,
  type Folder,
} from "@copconnect/client/core";
import { titleOf } from "#i18n/talk.ts";

/** Folders of this person's are filters too, by their ids. */
export type Filter = KindFilter | `folder:${Folder["folderId"]}`;
type KindFilter =
  | "archived"
  | "all"
  | "unread"
  /** The list shows messages in place of chats. */
  | "mentions"
  | "direct"
  | "groups"
  | "units"
  | "roles";

function fits(item: ConversationItem, filter: Filter): boolean {
  const { archived, folders } = item;
  if (archived !== (filter === "archived")) return false;
  switch (filter) {
    case "archived":
    case "all":
      return true;
    case "unread":
      return item.unread > 0 || item.markedUnread;
    case "mentions":
      return item.mentions > 0;
    case "direct":
      return item.kind === "direct" || item.post !== null;
    case "groups":
      return item.kind === "group";
    case "units":
      return item.standing?.about === "unit";
    case "roles":
      return item.standing?.about === "role";
    default:
      return folders.some(({ folderId }) => filter === `folder:${folderId}`);
  }
}

/** The filters that would show something; the first three always. */
export function offered(items: readonly ConversationItem[]) {
  const kinds = ["units", "roles", "direct", "groups"] as const;
  const some = kinds.filter((filter) => items.some((item) => fits(item, filter)));
  return ["all", "unread", "mentions", ...some] as const;
}

/** This person's folders in which a chat is, by name. */
export function foldersIn(items: readonly ConversationItem[]): readonly Folder[] {
  const folders = items
    .filter(({ archived }) => !archived)
    .flatMap((item) => item.folders)
    .map((folder) => [folder.folderId, folder] as const);
  return [...new Map(folders).values()].sort((a, b) => a.name.localeCompare(b.name));
}

/**
 * The groups of units or roles in the order of the tree: the own unit first, then up to the top, then
 * the others as the organisation lists them. All other filters keep the order of time.
 *
 * `chain`: the own unit and all above it, nearest first; `place`: a unit's position in the tree.
 */
export function ordered(
  items: readonly ConversationItem[],
  filter: Filter,
  chain: readonly UnitId[],
  place: (unitId: UnitId) => number,
): readonly ConversationItem[] {
  if (filter !== "units" && filter !== "roles") return items;
  const near = (item: ConversationItem): number => {
    const unitId = item.standing?.unitId ?? null;
    // Without a unit it is of everybody: at the top.
    if (unitId === null) return chain.length;
    const at = chain.indexOf(unitId);
    return at < 0 ? chain.length + 1 + place(unitId) : at;
  };
  return [...items].sort((a, b) => near(a) - near(b));
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
    // A search finds archived chats too.
    if (wanted.length === 0) return fits(item, filter);
    if (!fits({ ...item, archived: false }, filter === "archived" ? "all" : filter)) return false;
    const text = words(item).toLocaleLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}

/** Each unit's position when the tree is read from the top: a unit above comes before. */
export function treePlaces(directory: Directory | null): ReadonlyMap<UnitId, number> {
  const below = new Map<UnitId | null, UnitId[]>();
  const known = new Set(directory?.units.map(({ unitId }) => unitId));
  for (const { unitId, parentId } of directory?.units ?? []) {
    const parent = parentId !== null && known.has(parentId) ? parentId : null;
    below.set(parent, [...(below.get(parent) ?? []), unitId]);
  }
  const places = new Map<UnitId, number>();
  const visit = (parent: UnitId | null): void => {
    for (const unitId of below.get(parent) ?? []) {
      places.set(unitId, places.size);
      visit(unitId);
    }
  };
  visit(null);
  return places;
}

/** The words by which a conversation is found, in every script. */
export function wordsOf(item: ConversationItem): string {
  const plates = item.direct === null ? item.some : [item.direct];
  return [
    titleOf(item),
    ...plates.flatMap((plate) => [
      ...spellings(plate.names),
      ...rankSpellings(plate.rank),
      ...spellings(plate.post),
    ]),
  ].join(" ");
}
