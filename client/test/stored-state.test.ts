/** What a device of a conversation of several cells does with a store that is damaged or old. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { joinApart } from "../src/mls/container.ts";
import type { GroupRecord, TreeRecord } from "../src/records.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { changeRecord, damageRecords, loseRecords } from "./vaults.ts";

const LIMIT_MS = 120_000;
let w: MemoryWorld;

beforeEach(() => {
  w = new MemoryWorld(8);
});
afterEach(() => w.close());

async function together(count: number): Promise<{ officers: Officer[]; id: string }> {
  const officers: Officer[] = [];
  for (let i = 0; i < count; i++) officers.push(await w.join());
  return { officers, id: await groupOf(officers) };
}

async function allHear(officers: readonly Officer[], id: string, from: Officer, text: string) {
  await from.text(id, text);
  for (const officer of officers) await officer.receives(id, text);
}

async function notices(officer: Officer, id: string): Promise<readonly string[]> {
  const { messages } = await officer.core.messages(id, null, 50);
  return messages.map(({ body }) => (body.kind === "notice" ? body.notice.kind : ""));
}

describe("a damaged store", { timeout: LIMIT_MS }, () => {
  it.each([
    ["heads", "garbled"],
    ["heads", "lost"],
    ["rosters", "garbled"],
    ["trees", "garbled"],
    ["chains", "garbled"],
    ["cell_keys", "garbled"],
  ] as const)("recovers by itself when its %s are %s", async (store, how) => {
    const { officers, id } = await together(6);
    const victim = officers[4] as Officer;
    const other = officers[1] as Officer;
    await allHear(officers, id, victim, "before");
    await allHear(officers, id, other, "also before");
    await victim.core.close();
    await damageRecords(victim.vaultName, store, how);
    await victim.restart();
    await victim.until("in", async () => {
      const { epochCode } = await victim.core.encryption(id);
      return epochCode !== null;
    });
    await allHear(officers, id, other, "after");
    await allHear(officers, id, victim, "heard again");
    const view = await victim.core.encryption(id);
    expect(view).toMatchObject({ refused: 0, waiting: 0 });
    const anew = store !== "chains" && store !== "cell_keys";
    expect((await notices(victim, id)).filter((one) => one === "damaged")).toHaveLength(
      anew ? 1 : 0,
    );
    expect(await victim.texts(id)).toEqual(["before", "also before", "after", "heard again"]);
  });
});

describe("a store of before the ratchet trees were apart", { timeout: LIMIT_MS }, () => {
  it.each([3, 6])("is read as it is, and goes on as one of now, with %i people", async (count) => {
    const { officers, id } = await together(count);
    const old = officers[2] as Officer;
    await allHear(officers, id, old, "before");
    await old.core.close();
    let tree: Uint8Array | null = null;
    await changeRecord<TreeRecord>(old.vaultName, "trees", id, (record) => {
      tree = record.bytes;
      return record;
    });
    await changeRecord<GroupRecord>(old.vaultName, "groups", id, ({ state }) => ({
      state: joinApart(state, tree ?? new Uint8Array()),
    }));
    await loseRecords(old.vaultName, "trees");
    await old.restart();
    await allHear(officers, id, officers[0] as Officer, "to the old one");
    await allHear(officers, id, old, "from the old one");
    // Another start reads what was stored since.
    await old.restart();
    await allHear(officers, id, old, "and again");
    expect(await notices(old, id)).not.toEqual(expect.arrayContaining(["damaged"]));
    expect(await notices(old, id)).not.toEqual(expect.arrayContaining(["joined_here"]));
  });
});
