import { describe, expect, it } from "vitest";
import { LONGEST_KEY_AGE_MS, type CellKeyRecord } from "../cells/record.ts";
import type { DeviceContext } from "../context.ts";
import type { CellKeysRecord } from "../records.ts";
import { holdKeys, keyFor, keysDue, unreachedBy } from "./good_keys.ts";

const NOW_MS = 1_800_000_000_000;
const CONTEXT = { serverNow: () => NOW_MS } as DeviceContext;

/** Cells a to d have keys; c's is refused, d's too old by a millisecond, b's just not. */
function held(change: Partial<CellKeysRecord> = {}): CellKeysRecord {
  const record: CellKeysRecord = {
    ...{ version: 4, due: ["a", "b", "c", "d", "x"], records: [], refused: ["c"] },
    named: { rosterEpoch: 9, askedMs: NOW_MS, cells: ["a", "b", "c", "d", "e"] },
    ...change,
  };
  const ages = { a: 0, b: LONGEST_KEY_AGE_MS, c: 0, d: LONGEST_KEY_AGE_MS + 1, n: 0 };
  const keys = Object.entries(ages).map(
    ([cellId, ageMs]) => ({ cellId, createdMs: NOW_MS - ageMs }) as CellKeyRecord,
  );
  holdKeys(record, new Map(keys.map((key) => [key.cellId, key])));
  return record;
}

describe("the keys that a message is sealed with", () => {
  it("K5, K9: are those of the cells asked for that are neither refused nor old", () => {
    expect(keysDue(CONTEXT, held()).map(({ cellId }) => cellId)).toEqual(["a", "b"]);
    for (const cellId of ["c", "d", "x"]) expect(keyFor(CONTEXT, held(), cellId)).toBeNull();
    expect(keyFor(CONTEXT, held({ refused: [] }), "c")?.cellId).toBe("c");
  });

  it("are waited for when there is none", () => {
    for (const due of [[], ["c", "d", "x"]])
      expect(() => keysDue(CONTEXT, held({ due }))).toThrow(
        expect.objectContaining({ code: "cell_keys_refused", retry: true }),
      );
  });

  it("K10: leave unreached what of the signed roster has none of them", () => {
    const keys = held();
    expect(unreachedBy(keys, keysDue(CONTEXT, keys))).toEqual(["c", "d", "e"]);
    // One that is newer than the list has a key that was verified; one of the server's has none.
    const newer = held({ due: ["a", "n", "x"] });
    expect(unreachedBy(newer, [{ cellId: "a" }])).toEqual(["b", "c", "d", "e", "n"]);
  });
});
