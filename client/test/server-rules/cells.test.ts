/** The questions of the server in memory to devices (C1, C2, D4, D7), with several cells. */
import { newId, type CellId, type ConversationId, type SealKeyId } from "#core/ids.ts";
import { fromHex, toHex, utf8 } from "#core/octets.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CellKey } from "#core/keys/cell-key.ts";
import { X25519 } from "#core/keys/hpke.ts";
import { makeKeyShare } from "#core/keys/key-share.ts";
import { HOUR_MS } from "#core/keys/format/times.ts";
import { LEAF_BYTES } from "#core/keys/roster/leaf.ts";
import { checkProof } from "#core/keys/roster/proof.ts";
import type { CellKeyWanted } from "#core/wire.ts";
import { Insider } from "../support/insider.ts";
import { leafOf, newest } from "../memory/rosters.ts";
import { MemoryServer } from "../memory/server.ts";

let server: MemoryServer;
let all: Insider[];
let id: ConversationId;
let laterMs = 0;

beforeEach(async () => {
  laterMs = 0;
  server = await MemoryServer.start({ now: () => Date.now() + laterMs, cellSize: 3 });
  all = [];
  for (let i = 0; i < 5; i++) all.push(await Insider.register(server, i));
  const [a, ...others] = all as [Insider, ...Insider[]];
  ({ conversationId: id } = await a.api.createConversation({
    ...{ conversationId: newId(), kind: "group" },
    personIds: others.map(({ personId }) => personId),
    ...{ whoMaySend: "everyone", historyDays: 0, audience: null },
  }));
});

afterEach(() => server.close());

function round(): Promise<void> {
  return server.inTurn(() => server.asking.round());
}

function cellOf(insider: Insider): CellId {
  return (leafOf(server.conversation(id), insider.signer.device)?.cell ?? "") as CellId;
}

function besides(one: Insider): readonly Insider[] {
  return all.filter((other) => cellOf(other) === cellOf(one));
}

function makeFor(insider: Insider, wanted: CellKeyWanted): Promise<CellKey> {
  const people = besides(insider).map(({ personId }) => personId);
  return insider.makeCellKey(id, wanted, people);
}

/** Make the cells' keys, as far as connected devices are asked for them. */
async function makeCellKeys(): Promise<void> {
  await round();
  for (const insider of all)
    for (const wanted of insider.pushed("cell_key_wanted")) await makeFor(insider, wanted);
}

/** The first of these that was asked. */
async function asked(among: readonly Insider[]): Promise<readonly [Insider, CellKeyWanted]> {
  await round();
  for (const insider of among) {
    const wanted = insider.pushed("cell_key_wanted").at(-1);
    if (wanted !== undefined) return [insider, wanted];
  }
  throw new Error("nobody was asked");
}

describe("C1", () => {
  it("fills cells of three, and proves every leaf", async () => {
    const conversation = server.conversation(id);
    expect([...newest(conversation).cells.keys()]).toHaveLength(2);
    const [a] = all as [Insider];
    const head = await a.head(id);
    for (const { signer } of all) {
      const { proofs } = await a.api.proofs(id, { epoch: 0, devices: [signer.device] });
      const { leaf } = checkProof(head, signer.device, proofs[0] as Uint8Array, "R2");
      expect(leaf.person).toBe(signer.personId);
    }
    const cell = await a.api.ownCell(id);
    expect(cell.leaves.length % LEAF_BYTES).toBe(0);
    expect(cell.line).toHaveLength(58);
  });

  it("asks one device of each cell, and takes records of those it asked alone", async () => {
    for (const insider of all) await insider.connect();
    const [author, wanted] = await asked(all);
    const other = besides(author).find((one) => one !== author) as Insider;
    await expect(makeFor(other, wanted)).rejects.toMatchObject({ code: "not_asked" });
    await makeFor(author, wanted);
    const [frame] = other.pushed("cell_key");
    expect(frame?.seal).not.toBeNull();
    const { lines, keys } = await author.api.cellKeys(id);
    expect(lines).toHaveLength(2 * 58);
    expect(keys).toHaveLength(1);
  });

  it("C2 asks another author for one more generation once three people flagged a key", async () => {
    for (const insider of all) await insider.connect();
    const [author, wanted] = await asked(all.filter((one) => besides(one).length === 3));
    const record = await makeFor(author, wanted);
    expect(record.generation).toBe(1);
    const { keyId } = server.conversation(id).cellKeys[0] as { keyId: SealKeyId };
    for (const one of besides(author)) await one.api.flagCellKey(id, { keyId });
    for (const one of all) one.frames.length = 0;
    const [next, again] = await asked(besides(author));
    expect(next).not.toBe(author);
    expect(again.generation).toBe(2);
  });
});

describe("D4", () => {
  it("asks the others for a share, and passes it on", async () => {
    const [a, b] = all as [Insider, Insider];
    await a.connect();
    await b.connect();
    await makeCellKeys();
    const key = await a.makeKey(id);
    const reference = toHex(key.record.hash).slice(0, 32);
    await b.api.requestShares(id, { references: [{ kind: 1, reference }] });
    await round();
    const [wanted] = a.pushed("share_wanted");
    expect(wanted?.askers.map(({ device }) => device)).toEqual([b.signer.device]);
    expect(b.pushed("share_wanted")).toHaveLength(0);
    const [target] = await a.keysOf([b.personId], X25519);
    if (target === undefined) throw new Error("no key");
    const of = { kind: 1, record: key.record } as const;
    const share = await makeKeyShare(fromHex(id), target, [{ of, secret: key.secret }]);
    await a.api.submitShares(id, { shares: [{ device: b.signer.device, share }] });
    expect(b.pushed("share")).toHaveLength(1);
    expect((await b.api.shares(id)).shares).toHaveLength(1);
    await b.api.sharesDone(id, { references: [{ kind: 1, reference }] });
    expect((await b.api.shares(id)).shares).toHaveLength(0);
  });
});

describe("D7", () => {
  it("asks for the next key at 23 h, where anybody wrote, and takes it", async () => {
    const [a, b] = all as [Insider, Insider];
    await b.connect();
    await makeCellKeys();
    const key = await a.makeKey(id);
    laterMs = 23 * HOUR_MS + 1;
    await round();
    expect(b.pushed("key_wanted")).toHaveLength(0);
    laterMs = 0;
    await a.post(id, await a.message(id, key, utf8("hello")));
    laterMs = 23 * HOUR_MS + 1;
    await round();
    expect(b.pushed("key_wanted")).toHaveLength(1);
    await b.makeKey(id);
    expect(server.conversation(id).keys).toHaveLength(2);
  });
});
