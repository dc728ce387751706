/** Two devices that hear the same changes, in any order and any number of times, agree. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { newId, type ConversationId, type MessageId } from "../ids.ts";
import type { OwnItem } from "../kinds/own.ts";
import { outweighs } from "./items.ts";

const of: ConversationId = newId();
const value = fc.oneof(fc.constant(null), fc.nat(3), fc.constantFrom("Beat", "Court"));
const item = fc
  .record({ changes: fc.nat(4), value })
  .map((change): OwnItem => ({ name: "folder", of, part: null, saidMs: null, ...change }));

/** The value that is left after these arrived one after another. */
function left(items: readonly OwnItem[]): OwnItem | undefined {
  let known: OwnItem | undefined;
  for (const one of items) if (outweighs(one, known)) known = one;
  return known;
}

it("leaves the same value, whatever the order and the repetitions", () => {
  const arrivals = fc
    .array(item, { minLength: 1, maxLength: 6 })
    .chain((items) =>
      fc.tuple(
        fc.constant(items),
        fc.shuffledSubarray([...items, ...items], { minLength: 2 * items.length }),
      ),
    );
  fc.assert(
    fc.property(arrivals, ([items, again]) => {
      expect(left(again)).toEqual(left(items));
    }),
  );
});

it("prefers what was changed more often, also when that takes something back", () => {
  const about = { name: "star", of, part: newId<MessageId>(), saidMs: null } as const;
  const starred: OwnItem = { ...about, changes: 1, value: 9_000 };
  const taken: OwnItem = { ...starred, changes: 2, value: null };
  for (const items of [
    [starred, taken],
    [taken, starred],
  ])
    expect(left(items)).toBe(taken);
});
