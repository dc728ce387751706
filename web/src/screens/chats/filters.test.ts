import { inEnglish, type ConversationItem, type Folder } from "@copconnect/client/core";
import type { ConversationId, Directory, Unit, UnitId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { foldersIn, offered, ordered, shown, treePlaces } from "./filters.ts";

const names = inEnglish("");
const unit = (code: string, above: string | null): Unit => ({
  ...{ unitId: code as UnitId, parentId: above as UnitId | null, level: "", names },
});
// Listed out of order: the tree decides.
const directory: Directory = {
  ...{ version: "1", levels: [], ranks: [], roles: [] },
  units: [
    unit("other-station", "other"),
    unit("state", null),
    unit("mine", "zone"),
    unit("zone", "state"),
    unit("other", "state"),
  ],
};
const places = treePlaces(directory);
const place = (unitId: UnitId): number => places.get(unitId) ?? places.size;
const chain = ["mine", "zone", "state"] as UnitId[];

function item(name: string, about: "unit" | "role" | null, unit: string | null): ConversationItem {
  const standing =
    about === null
      ? null
      : { key: name, title: names, unitId: unit as UnitId | null, about, postId: null };
  const conversationId = name as ConversationId;
  const own = { archived: false, folders: [] as readonly Folder[], markedUnread: false };
  return {
    conversationId,
    kind: "unit",
    standing,
    post: null,
    unread: 0,
    ...own,
  } as ConversationItem;
}

// By time, as the list has them.
const items = [
  item("everybody", "unit", null),
  item("other-station", "unit", "other-station"),
  item("state", "unit", "state"),
  item("shos", "role", "zone"),
  item("by hand", null, null),
  item("other", "unit", "other"),
  item("mine", "unit", "mine"),
  item("zone", "unit", "zone"),
];
const listed = (filter: "all" | "units" | "roles"): readonly string[] =>
  ordered(
    shown(items, filter, "", () => ""),
    filter,
    chain,
    place,
  ).map(({ conversationId }) => conversationId);

it("lists the groups of units from the own unit up to the State, then the others by the tree", () => {
  expect(listed("units")).toEqual([
    ...["mine", "zone", "state", "everybody", "other", "other-station"],
  ]);
  expect(listed("roles")).toEqual(["shos"]);
});

it("keeps the order of time for all others", () => {
  expect(listed("all")).toEqual(items.map(({ conversationId }) => conversationId));
});

it("offers units and roles where there are any", () => {
  expect(offered(items)).toEqual(["all", "unread", "mentions", "units", "roles"]);
  expect(offered([])).toEqual(["all", "unread", "mentions"]);
});

it("places each unit after what is above it", () => {
  expect([...places.keys()]).toEqual(["state", "zone", "mine", "other", "other-station"]);
});

it("shows archived chats apart, and in a search; folders by their names", () => {
  const folder = { folderId: "1", name: "Court" } as unknown as Folder;
  const early = { folderId: "2", name: "Beat" } as unknown as Folder;
  const kept = { ...item("kept", null, null), folders: [folder, early], markedUnread: true };
  const away = { ...item("away", "unit", "mine"), archived: true, folders: [folder] };
  const names = (...asked: [filter: Parameters<typeof shown>[1], search?: string]) =>
    shown([kept, away], asked[0], asked[1] ?? "", (one) => one.conversationId).map(
      ({ conversationId }) => conversationId,
    );
  expect(names("all")).toEqual(["kept"]);
  expect(names("archived")).toEqual(["away"]);
  expect(names("unread")).toEqual(["kept"]);
  expect(names("folder:1" as never)).toEqual(["kept"]);
  expect(names("folder:3" as never)).toEqual([]);
  expect(names("all", "awa")).toEqual(["away"]);
  expect(names("archived", "kep")).toEqual(["kept"]);
  expect(foldersIn([kept, away])).toEqual([early, folder]);
  expect(foldersIn([away])).toEqual([]);
  expect(offered([away])).toEqual(["all", "unread", "mentions"]);
});
