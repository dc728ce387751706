import { describe, expect, it } from "vitest";
import type { Work } from "../conversation.ts";
import type { CellGroup } from "../mls/types.ts";
import type { FormerSeedRecord } from "../records.ts";
import { GRACE_MS, fitting, forgetFormerSeed, keepFormerSeed } from "./own_key.ts";

const current = { epoch: 8, seed: new Uint8Array([8]) };
const former = { epoch: 7, seed: new Uint8Array([7]) };
const held = [current, former];

describe("the seeds that a seal may be for", () => {
  it("are all that are held where no record of the own cell is", () => {
    expect(fitting(held, null, "a")).toEqual(held);
  });

  it("are the one of the epoch whose record has this key id", () => {
    expect(fitting(held, { epoch: 8, keyId: "a" }, "a")).toEqual([current]);
    expect(fitting(held, { epoch: 7, keyId: "a" }, "a")).toEqual([former]);
    expect(fitting(held, { epoch: 9, keyId: "a" }, "a")).toEqual([]);
  });

  it("are not that of an epoch whose record has another", () => {
    expect(fitting(held, { epoch: 8, keyId: "b" }, "a")).toEqual([former]);
    expect(fitting(held, { epoch: 7, keyId: "b" }, "a")).toEqual([current]);
    expect(fitting(held, { epoch: 6, keyId: "b" }, "a")).toEqual(held);
  });
});

const ENDED_MS = 1_800_000_000_000;
const SEED = new Uint8Array(32).fill(7);
const GROUP = {
  cellId: "c".repeat(32),
  conversationId: "d".repeat(32),
  epoch: 7,
  suite: 1,
  exportSecret: () => Promise.resolve(SEED),
} as unknown as CellGroup;
const FORMER: FormerSeedRecord = {
  ...{ cellId: "c".repeat(32), epoch: 6 },
  ...{ seed: new Uint8Array(32).fill(6), endedMs: ENDED_MS - 1 },
};

function holding(formerSeed: FormerSeedRecord | null, heads: unknown = {}): Work {
  return { formerSeed, heads } as Work;
}

describe("E5: the seed of the epoch before", () => {
  it("is kept for the grace when the commit removed nobody, in place of an older one", async () => {
    const work = holding(FORMER);
    await keepFormerSeed(work, GROUP, ENDED_MS, false);
    expect(work.formerSeed).toEqual({
      ...{ cellId: GROUP.cellId, epoch: 7, seed: SEED },
      endedMs: ENDED_MS,
    });
    forgetFormerSeed(work, ENDED_MS + GRACE_MS);
    expect(work.formerSeed?.epoch).toBe(7);
    forgetFormerSeed(work, ENDED_MS + GRACE_MS + 1);
    expect(work.formerSeed).toBeNull();
  });

  it("is deleted at once when the commit held a Remove, and so is an older one", async () => {
    const work = holding(FORMER);
    await keepFormerSeed(work, GROUP, ENDED_MS, true);
    expect(work.formerSeed).toBeNull();
  });

  it("is not kept where there is one cell: nothing is sealed", async () => {
    const work = holding(null, null);
    await keepFormerSeed(work, GROUP, ENDED_MS, false);
    expect(work.formerSeed).toBeNull();
  });
});
