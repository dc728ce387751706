/**
 * CELLS.md section 3, "Epoch change", by real cores; the numbers are those of docs/protocol.md, "A
 * new epoch of a cell".
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encodeRecord, makeRecord, parseRecord } from "../src/cells/record.ts";
import { randomBytes } from "../src/octets.ts";
import { STORES } from "../src/records.ts";
import type { CellKeysRecord, ConversationRecord, FormerSeedRecord } from "../src/records.ts";
import { ROTATE_AFTER_MS } from "../src/several_cells/key_due.ts";
import { GRACE_MS } from "../src/several_cells/own_key.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { changeRecord, readRecord } from "./vaults.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
let officers: Officer[];
let id: string;
let own: string;
/** Three of one cell: who is looked at, who commits, and who is removed. */
let member: Officer;
let committer: Officer;
let leaving: Officer;

beforeEach(async () => {
  w = new MemoryWorld(8);
  officers = [];
  for (let i = 0; i < 9; i++)
    officers.push(await w.join({ now: w.server.now, random: () => Math.random() / 30 }));
  id = await groupOf(officers);
  const [first] = officers as [Officer, ...Officer[]];
  own = conversation().leafOf(await clientOf(first))?.cellId ?? "";
  const inside: Officer[] = [];
  for (const officer of officers)
    if (conversation().leafOf(await clientOf(officer))?.cellId === own) inside.push(officer);
  [committer, member, leaving] = inside as [Officer, Officer, Officer];
  // What the founding left behind is over.
  w.server.laterMs += GRACE_MS + 1;
  await member.restart();
  await member.ready(id);
}, LIMIT_MS);
afterEach(() => w.close());

function conversation(): MemoryConversation {
  return w.server.conversation(id);
}

async function clientOf(officer: Officer): Promise<string> {
  return (await officer.core.state()).clientId ?? "";
}

function epoch(): number {
  return conversation().cells.get(own)?.epoch ?? 0;
}

/** Somebody else of the cell begins a new epoch, as one does in which nobody is removed. */
async function rotate(): Promise<void> {
  const before = epoch();
  await committer.core.close();
  await changeRecord<ConversationRecord>(
    committer.vaultName,
    STORES.conversations,
    id,
    (record) => ({ ...record, epochMs: w.server.now() - 2 * ROTATE_AFTER_MS }),
  );
  await committer.restart();
  await committer.until("rotated", () => Promise.resolve(epoch() === before + 1), SOON_MS);
}

async function reaches(officer: Officer, at: number): Promise<void> {
  await officer.until(
    `epoch ${String(at)}`,
    async () => (await officer.core.encryption(id)).epoch === at,
    SOON_MS,
  );
}

async function formerSeed(): Promise<FormerSeedRecord | null> {
  await member.core.close();
  return readRecord<FormerSeedRecord>(member.vaultName, STORES.formerSeeds, id);
}

describe("a new epoch of a cell", { timeout: LIMIT_MS }, () => {
  it("E5: keeps the seed before for the grace, and deletes it then though nothing comes", async () => {
    expect(await formerSeed()).toBeNull();
    await member.restart();
    const before = epoch();
    await rotate();
    await reaches(member, before + 1);
    expect(await formerSeed()).toMatchObject({ cellId: own, epoch: before });
    await member.restart();
    await member.ready(id);
    expect(await formerSeed()).not.toBeNull();
    w.server.laterMs += GRACE_MS + 1;
    await member.restart();
    await member.ready(id);
    await member.until("erased", async () => {
      if ((await formerSeed()) === null) return true;
      await member.restart();
      await member.ready(id);
      // Conversations are looked after when the device has caught up.
      await new Promise((resolve) => setTimeout(resolve, 200));
      return false;
    });
  });

  it("E5: keeps none when the commit held a Remove", async () => {
    await rotate();
    await reaches(member, epoch());
    expect(await formerSeed()).not.toBeNull();
    await member.restart();
    const before = epoch();
    const admin = officers[0] as Officer;
    const gone = leaving === admin ? committer : leaving;
    await admin.core.changeMembers(id, { remove: [gone.person] });
    await reaches(member, before + 1);
    expect(await formerSeed()).toBeNull();
  });

  it("E3: compares a record that was learnt before the commit, and raises an alarm", async () => {
    await member.text(id, "the keys as they were");
    await committer.receives(id, "the keys as they were", SOON_MS);
    await member.core.close();
    const before = epoch();
    await rotate();
    const real = conversation()
      .keys(w.server.account(await clientOf(committer)), 0)
      .keys.find(({ cellId }) => cellId === own);
    if (real === undefined) throw new Error("no key");
    const fields = parseRecord(real.record);
    expect(fields.epoch).toBe(before + 1);
    const bent = await makeRecord(fields, randomBytes(32), () =>
      Promise.resolve(new Uint8Array(64)),
    );
    const keys: CellKeysRecord = { version: 1_000, due: [], records: [encodeRecord(bent)] };
    await changeRecord(member.vaultName, STORES.cellKeys, id, () => keys);
    await member.restart();
    await member.until("alarm", async () => {
      const item = await member.core.conversation(id);
      return item.state === "alarm" && item.alarm === "cell_key_mismatch";
    });
    await expect(
      member.core.send(id, { kind: "text", text: "no", mentions: [] }, null),
    ).rejects.toMatchObject({ code: "security_alarm" });
  });
});
