import { describe, expect, test } from "vitest";
import { encodeGroupState } from "ts-mls";
import { decodeContainer } from "../src/mls/container.ts";
import type { CellGroup } from "../src/mls/types.ts";
import { utf8 } from "../src/octets.ts";
import { BOTH_SUITES, CellWorld, at, authenticators, refusal, welcomeOf } from "./cell-world.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function say(from: CellGroup, to: CellGroup, words: string): Promise<[CellGroup, CellGroup]> {
  const sent = await from.encrypt(utf8(words));
  const got = await to.decrypt(sent.message);
  expect(text(got.plaintext)).toBe(words);
  expect(got.sender.leafIndex).toBe(from.ownLeafIndex);
  return [sent.next, got.next];
}

describe.each(BOTH_SUITES)("a cell of suite $suite", ({ suite }) => {
  test("M3: is founded, joined by Welcome, and carries messages that name their sender", async () => {
    const world = new CellWorld(suite);
    const asha = await world.officer();
    const ravi = await world.officer();
    const founded = await asha.mls.found(world.conversationId, world.cellId);
    expect(founded.epoch).toBe(0);
    const bundle = await ravi.mls.generateKeyPackage(false);
    const spare = await ravi.mls.generateKeyPackage(true);
    const pending = await founded.commit([bundle.keyPackage], world.roster);
    expect(pending.next.epoch).toBe(1);
    expect(pending.added.map((client) => client.clientId)).toEqual([ravi.device.clientId]);
    const joined = await ravi.mls.joinByWelcome(welcomeOf(pending), [spare, bundle], world.roster);
    expect(joined.used.reference).toBe(bundle.reference);
    expect(joined.group.conversationId).toBe(world.conversationId);
    expect(joined.group.cellId).toBe(world.cellId);
    expect(authenticators([pending.next, joined.group]).size).toBe(1);
    let [a, r] = await say(pending.next, joined.group, "Report at six.");
    [r, a] = await say(r, a, "Copy.");
    const sent = await a.encrypt(utf8("who am I"));
    const got = await r.decrypt(sent.message);
    expect(got.sender).toMatchObject({
      personId: asha.device.personId,
      clientId: asha.device.clientId,
      certificateHash: asha.device.certificateHash,
    });
  });

  test("M3: says which key packages it can add, each once", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const [asha, ravi] = await Promise.all([world.officer(), world.officer()]);
    const made = async ({ mls }: typeof asha) => (await mls.generateKeyPackage(false)).keyPackage;
    const good = [await made(asha), await made(ravi)];
    const again = await made(asha);
    const inside = await made(at(officers, 1));
    const unnamed = await made(await world.officer({ named: false }));
    const forged = again.with(-1, (again.at(-1) ?? 0) ^ 1);
    const cut = again.subarray(0, 20);
    const group = at(groups, 0);
    const offered = [cut, at(good, 0), unnamed, forged, inside, at(good, 1)];
    expect(await group.addable(offered, world.roster)).toEqual(good);
    expect(await group.addable([...good, again], world.roster)).toEqual(good);
  });

  test("M3, M11: is joined by external commit, also by a client that lost its state", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    const [a, b, c] = groups as [CellGroup, CellGroup, CellGroup];
    const late = await world.officer();
    const info = (await a.commit([], world.roster)).groupInfo;
    const info0 = await a.commit([], world.roster);
    expect(info.length).toBeGreaterThan(0);
    const b1 = (await b.processHandshake(info0.commit, world.roster)).next;
    const c1 = (await c.processHandshake(info0.commit, world.roster)).next;
    const join = await late.mls.joinByExternalCommit(info0.groupInfo, world.roster);
    expect(join.removed).toEqual([]);
    const a2 = await info0.next.processHandshake(join.commit, world.roster);
    const b2 = await b1.processHandshake(join.commit, world.roster);
    const c2 = await c1.processHandshake(join.commit, world.roster);
    expect(a2.added.map((m) => m.clientId)).toEqual([late.device.clientId]);
    expect(authenticators([join.next, a2.next, b2.next, c2.next]).size).toBe(1);

    const resync = await at(officers, 2).mls.joinByExternalCommit(join.groupInfo, world.roster);
    expect(resync.removed.map((m) => m.clientId)).toEqual([at(officers, 2).device.clientId]);
    const a3 = await a2.next.processHandshake(resync.commit, world.roster);
    const b3 = await b2.next.processHandshake(resync.commit, world.roster);
    const l3 = await join.next.processHandshake(resync.commit, world.roster);
    expect(authenticators([resync.next, a3.next, b3.next, l3.next]).size).toBe(1);
    expect(a3.next.members()).toHaveLength(4);
    await say(resync.next, a3.next, "back");
    await say(a3.next, resync.next, "welcome back");
  });

  test("M5: removes whom the roster authority removes", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    let [a, b, c] = groups as [CellGroup, CellGroup, CellGroup];
    world.unname(at(officers, 2).device);
    const remove = world.remove(a, c.ownLeafIndex);
    const proposed = await a.processHandshake(remove, world.roster);
    expect(proposed.kind).toBe("proposal");
    expect(proposed.next.pendingRemovals.map((m) => m.clientId)).toEqual([
      at(officers, 2).device.clientId,
    ]);
    a = proposed.next;
    b = (await b.processHandshake(remove, world.roster)).next;
    c = (await c.processHandshake(remove, world.roster)).next;
    expect((await refusal(a.encrypt(utf8("too early")))).code).toBe("rule_violated");
    const pending = await a.commit([], world.roster);
    expect(pending.removed.map((m) => m.clientId)).toEqual([at(officers, 2).device.clientId]);
    const onB = await b.processHandshake(pending.commit, world.roster);
    const onC = await c.processHandshake(pending.commit, world.roster);
    expect(onB.removed.map((m) => m.clientId)).toEqual([at(officers, 2).device.clientId]);
    expect(onC.evicted).toBe(true);
    const sent = await pending.next.encrypt(utf8("without you"));
    expect(text((await onB.next.decrypt(sent.message)).plaintext)).toBe("without you");
    expect((await refusal(onC.next.decrypt(sent.message))).code).toBe("evicted");
    expect((await refusal(c.decrypt(sent.message))).code).toBe("future_epoch");
  });

  test("comes back from its stored bytes", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const [a, b] = groups as [CellGroup, CellGroup];
    const stored = a.encode();
    const copy = stored.slice();
    const again = await at(officers, 0).mls.decode(stored);
    expect(again.members()).toEqual(a.members());
    const [a1, b1] = await say(again, b, "after a restart");
    again.discard();
    expect(stored).toEqual(copy);
    const [b2, a2] = await say(b1, await at(officers, 0).mls.decode(a1.encode()), "and back");
    const commit = await a2.commit([], world.roster);
    const onB = await b2.processHandshake(commit.commit, world.roster);
    expect(authenticators([commit.next, onB.next]).size).toBe(1);
  });

  test("comes back from its tree and the rest, and the tree is the same until a commit", async () => {
    const world = new CellWorld();
    const { officers, groups } = await world.cellOf(8);
    const [a, b] = groups as [CellGroup, CellGroup];
    const { mls } = at(officers, 0);
    const [a1, b1] = await say(a, b, "the tree stands");
    const { state, tree } = a1.encodeApart();
    expect((await say(a1, b1, "still"))[0].encodeApart().tree).toBe(tree);
    expect(state.length).toBeLessThan(a1.encode().length - tree.length + 8);
    const again = await mls.decode(state, tree);
    expect(again.encode()).toEqual(a1.encode());
    expect(again.encodeApart().tree).toBe(tree);
    const commit = await again.commit([], world.roster);
    const after = commit.next.encodeApart();
    expect(after.tree).not.toEqual(tree);
    expect((await mls.decode(after.state, after.tree)).epoch).toBe(a1.epoch + 1);
    const kept = tree.slice();
    again.discard();
    expect(tree).toEqual(kept);
    for (const length of [0, 6, 7, state.length - 1])
      await expect(mls.decode(state.subarray(0, length), tree)).rejects.toThrow();
    await expect(mls.decode(state, tree.subarray(1))).rejects.toThrow();
    await expect(mls.decode(a1.encode(), tree)).rejects.toThrow();
  });

  test("is stored as the library would, with a tree kept since its epoch or a new one", async () => {
    const world = new CellWorld(suite);
    const { groups } = await world.cellOf(3);
    const [a, b] = groups as [CellGroup, CellGroup];
    const bytesOf = (group: CellGroup): Uint8Array => {
      const bytes = group.encode();
      expect(bytes.slice(3)).toEqual(encodeGroupState(decodeContainer(bytes, group.suite)));
      return bytes;
    };
    const before = decodeContainer(bytesOf(a), a.suite).ratchetTree;
    const [a1, b1] = await say(a, b, "the tree is kept");
    bytesOf(b1);
    expect(decodeContainer(bytesOf(a1), a1.suite).ratchetTree).toEqual(before);
    const { next, commit } = await a1.commit([], world.roster);
    const onB = (await b1.processHandshake(commit, world.roster)).next;
    const after = decodeContainer(bytesOf(next), next.suite).ratchetTree;
    expect(after).not.toEqual(before);
    expect(decodeContainer(bytesOf(onB), onB.suite).ratchetTree).toEqual(after);
    // The snapshot that the commit was made from still has its own.
    expect(decodeContainer(bytesOf(a1), a1.suite).ratchetTree).toEqual(before);
  });

  test("is entered anew by its only member, whose certificate was renewed", async () => {
    const world = new CellWorld(suite);
    const asha = await world.officer();
    const founded = await asha.mls.found(world.conversationId, world.cellId);
    const { groupInfo, next: old } = await founded.commit([], world.roster);
    const { personId, clientId, signaturePrivateKey, signaturePublicKey } = asha.device;
    const renewed = await world.officer({
      personId,
      clientId,
      keys: { privateKey: signaturePrivateKey, publicKey: signaturePublicKey },
    });
    const rejoined = await renewed.mls.joinByExternalCommit(groupInfo, world.roster);
    expect(rejoined.removed.map((m) => m.certificateHash)).toEqual([asha.device.certificateHash]);
    expect(rejoined.next.epoch).toBe(2);
    expect(rejoined.next.members().map((m) => m.certificateHash)).toEqual([
      renewed.device.certificateHash,
    ]);
    expect((await old.processHandshake(rejoined.commit, world.roster)).evicted).toBe(true);
    const ravi = await world.officer();
    const join = await ravi.mls.joinByExternalCommit(rejoined.groupInfo, world.roster);
    const seen = await rejoined.next.processHandshake(join.commit, world.roster);
    await say(join.next, seen.next, "together");
  });
});
