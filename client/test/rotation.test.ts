/**
 * CELLS.md section 2, duty: the first member who is there begins a new epoch after 24 hours or 1,000
 * messages; if one is away, the next does.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ConversationRecord } from "../src/records.ts";
import { ROTATE_AFTER_MESSAGES, ROTATE_AFTER_MS, keyDue } from "../src/several_cells/key_due.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { changeRecord } from "./vaults.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
const HOUR_MS = 3_600_000;

let w: MemoryWorld;
let officers: Officer[];
let id: string;

/** Nine people in three cells, whose clocks are the server's, and who do not let others wait long. */
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  w = new MemoryWorld(8);
  officers = [];
  for (let i = 0; i < 9; i++)
    officers.push(await w.join({ now: w.server.now, random: () => Math.random() / 30 }));
  id = await groupOf(officers);
}, LIMIT_MS);

afterEach(async () => {
  await w.close();
  vi.useRealTimers();
});

function conversation(): MemoryConversation {
  return w.server.conversation(id);
}

function epochs(): ReadonlyMap<string, number | null> {
  return new Map([...conversation().cells.values()].map(({ cellId, epoch }) => [cellId, epoch]));
}

function commits(): number {
  return conversation().log.filter(({ entry }) => entry.kind === "commit").length;
}

/** Who sent the last commit of a cell. */
function lastCommitter(cellId: string): string | null {
  const all = conversation().log.filter(({ entry }) => entry.kind === "commit");
  return all.findLast(({ entry }) => entry.cellId === cellId)?.entry.sender ?? null;
}

async function clientOf(officer: Officer): Promise<string> {
  return (await officer.core.state()).clientId ?? "";
}

/** Everybody says something, and everybody who is there has it. */
async function talk(there: readonly Officer[], text: string): Promise<void> {
  await there[0]?.text(id, text);
  for (const officer of there) await officer.receives(id, text, SOON_MS);
}

async function atNextEpoch(
  there: readonly Officer[],
  before: ReadonlyMap<string, number | null>,
): Promise<void> {
  for (const officer of there)
    await officer.until(
      "the next epoch",
      async () => {
        const cellId = conversation().leafOf(await clientOf(officer))?.cellId ?? "";
        return (await officer.core.encryption(id)).epoch === (before.get(cellId) ?? 0) + 1;
      },
      SOON_MS,
    );
}

describe("an old epoch", { timeout: LIMIT_MS }, () => {
  it("M10: ends after a day, also where nothing comes, once in each cell; not before", async () => {
    await talk(officers, "first day");
    const [before, count] = [epochs(), commits()];
    w.server.laterMs = ROTATE_AFTER_MS - HOUR_MS;
    vi.advanceTimersByTime(HOUR_MS);
    await talk(officers, "not yet");
    expect(commits()).toBe(count);
    w.server.laterMs = 1.1 * ROTATE_AFTER_MS + HOUR_MS;
    vi.advanceTimersByTime(HOUR_MS);
    await atNextEpoch(officers, before);
    expect(commits()).toBe(count + before.size);
    await talk(officers, "second day");
    for (const officer of officers)
      expect(await officer.core.encryption(id)).toMatchObject({ refused: 0, waiting: 0 });
    vi.advanceTimersByTime(HOUR_MS);
    await talk(officers, "and on");
    expect(commits()).toBe(count + before.size);
  });

  it("M10: ends by whoever is there when the first is not", async () => {
    await talk(officers, "first day");
    const before = epochs();
    const [first] = officers as [Officer, ...Officer[]];
    const cellId = conversation().leafOf(await clientOf(first))?.cellId ?? "";
    const epoch = before.get(cellId) ?? 0;
    const own: { readonly officer: Officer; readonly clientId: string }[] = [];
    for (const officer of officers) {
      const clientId = await clientOf(officer);
      if (conversation().leafOf(clientId)?.cellId === cellId) own.push({ officer, clientId });
    }
    // When the epoch began matters to a second only.
    const dueMs = ({ clientId }: { readonly clientId: string }): number => {
      let ms = ROTATE_AFTER_MS;
      const record = { unkeyedEpoch: null, epochMs: 0, sealedInEpoch: 0 };
      while (keyDue(record, { epoch, cellId }, clientId, ms) === null) ms += 1_000;
      return ms;
    };
    own.sort((a, b) => dueMs(a) - dueMs(b));
    const [away, next] = own.map((one) => one) as [(typeof own)[0], (typeof own)[0]];
    await away.officer.core.close();
    const there = officers.filter((officer) => officer !== away.officer);
    w.server.laterMs = dueMs(next) + 60_000;
    vi.advanceTimersByTime(HOUR_MS);
    const others = own.slice(1).map(({ officer }) => officer);
    await atNextEpoch(others, before);
    expect(lastCommitter(cellId)).not.toBe(away.clientId);
    await talk(there, "while one is away");
    // The one who was away is on time for nothing more than reading.
    await away.officer.restart();
    await away.officer.receives(id, "while one is away", SOON_MS);
    await talk(officers, "all there");
    expect(epochs().get(cellId)).toBe(epoch + 1);
  });

  it("M10: ends after a thousand messages, whoever sent them", async () => {
    await talk(officers, "one");
    const [before, count] = [epochs(), commits()];
    const [sender] = officers as [Officer, ...Officer[]];
    const cellId = conversation().leafOf(await clientOf(sender))?.cellId ?? "";
    // Of its cell the sender alone is there, and its own messages are the only ones.
    for (const officer of officers) {
      const inside = conversation().leafOf(await clientOf(officer))?.cellId === cellId;
      if (officer !== sender && inside) await officer.core.close();
    }
    await sender.core.close();
    const clientId = await clientOf(sender);
    const group = { cellId, epoch: before.get(cellId) ?? 0 };
    let most = ROTATE_AFTER_MESSAGES;
    while (keyDue({ sealedInEpoch: most, epochMs: 0 }, group, clientId, 0) === null) most++;
    await changeRecord<ConversationRecord>(sender.vaultName, "conversations", id, (record) => ({
      ...record,
      sealedInEpoch: most - 1,
    }));
    await sender.restart();
    await sender.until("online", async () => {
      const { connection, catchingUp } = await sender.core.state();
      return connection === "online" && !catchingUp;
    });
    await sender.text(id, "the last of the old epoch");
    await atNextEpoch([sender], before);
    expect(commits()).toBe(count + 1);
    expect(lastCommitter(cellId)).toBe(clientId);
  });
});
