import { inEnglish, type ConversationItem } from "@copconnect/client/core";
import type { ConversationId, Directory, Unit, UnitId } from "@copconnect/client/wire";
import { expect, it } from "vitest";
import { offered, ordered, shown, treePlaces } from "./filters.ts";

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
  return { conversationId, kind: "unit", standing, post: null, unread: 0 } as ConversationItem;
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
  expect(offered(items)).toEqual(["all", "unread", "units", "roles"]);
  expect(offered([])).toEqual(["all", "unread"]);
});

it("places each unit after what is above it", () => {
  expect([...places.keys()]).toEqual(["state", "zone", "mine", "other", "other-station"]);
});
