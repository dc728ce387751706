/**
 * A small model of one cell: officers join by Welcome and by external commit, lose their state,
 * update, talk and are removed, in random order, through one ordered log. After every step all
 * members agree on the epoch authenticator, everybody reads every message, and whoever was removed
 * reads nothing more.
 */
import fc from "fast-check";
import { defaultAuthenticationService, defaultLifetimeConfig, type RatchetTree } from "ts-mls";
import { validateRatchetTree } from "ts-mls/clientState.js";
import { verifyParentHashes } from "ts-mls/parentHash.js";
import { describe, expect, test } from "vitest";
import { CheckRefused } from "../src/check-failed.ts";
import { decodeContainer } from "../src/mls/container.ts";
import {
  decodeGroupInfo,
  decodeKeyPackage,
  decodePrivateMessage,
  decodePublicMessage,
  decodeWelcome,
} from "../src/mls/messages.ts";
import { requireSoundTree } from "../src/mls/tree-check.ts";
import type { CellGroup } from "../src/mls/types.ts";
import { utf8 } from "../src/octets.ts";
import { library } from "./bare-library.ts";
import { CellWorld, at, authenticators, refusal, welcomeOf, type Officer } from "./cell-world.ts";

interface Member {
  readonly officer: Officer;
  group: CellGroup;
}

/** What the DS and the clients together do, with the log as a sequence of calls. */
class CellModel {
  readonly world = new CellWorld();
  readonly members: Member[] = [];
  readonly gone: Member[] = [];
  #info: Uint8Array = new Uint8Array();

  async start(): Promise<void> {
    const officer = await this.world.officer();
    const founded = await officer.mls.found(this.world.conversationId, this.world.cellId);
    const pending = await founded.commit([], this.world.roster);
    this.#info = pending.groupInfo;
    this.members.push({ officer, group: pending.next });
  }

  pick(index: number): Member {
    return at(this.members, index % this.members.length);
  }

  /** Everybody but `author` processes; each stores, then discards, as a client does. */
  async #deliver(bytes: Uint8Array, author: Member | null): Promise<void> {
    for (const member of this.members) {
      if (member === author) continue;
      const before = member.group;
      const { next } = await before.processHandshake(bytes, this.world.roster);
      before.discard();
      member.group = await member.officer.mls.decode(next.encode());
    }
  }

  async #commit(author: Member, adds: readonly Uint8Array[] = []): Promise<Uint8Array | null> {
    const before = author.group;
    const pending = await before.commit(adds, this.world.roster);
    before.discard();
    author.group = pending.next;
    await this.#deliver(pending.commit, author);
    this.#info = pending.groupInfo;
    return pending.welcome;
  }

  async update(index: number): Promise<void> {
    await this.#commit(this.pick(index));
  }

  async welcome(index: number, count: number): Promise<void> {
    const officers: Officer[] = [];
    const bundles = [];
    for (let i = 0; i < count; i++) {
      const officer = await this.world.officer();
      officers.push(officer);
      bundles.push(await officer.mls.generateKeyPackage(i % 2 === 1));
    }
    const welcome = await this.#commit(
      this.pick(index),
      bundles.map((bundle) => bundle.keyPackage),
    );
    if (welcome === null) throw new Error("no Welcome");
    for (const [i, officer] of officers.entries()) {
      const { group } = await officer.mls.joinByWelcome(
        welcome,
        [at(bundles, i)],
        this.world.roster,
      );
      this.members.push({ officer, group });
    }
  }

  async joinExternally(): Promise<void> {
    const officer = await this.world.officer();
    const joined = await officer.mls.joinByExternalCommit(this.#info, this.world.roster);
    await this.#deliver(joined.commit, null);
    this.#info = joined.groupInfo;
    this.members.push({ officer, group: joined.next });
  }

  async resync(index: number): Promise<void> {
    const member = this.pick(index);
    const joined = await member.officer.mls.joinByExternalCommit(this.#info, this.world.roster);
    expect(joined.removed).toHaveLength(1);
    await this.#deliver(joined.commit, member);
    this.#info = joined.groupInfo;
    member.group = joined.next;
  }

  async remove(indexes: readonly number[]): Promise<void> {
    const leaving = [...new Set(indexes.map((index) => this.pick(index)))];
    if (leaving.length >= this.members.length) leaving.pop();
    for (const member of leaving) {
      this.world.unname(member.officer.device);
      const { ownLeafIndex } = member.group;
      await this.#deliver(this.world.remove(member.group, ownLeafIndex), null);
    }
    const staying = this.members.filter((member) => !leaving.includes(member));
    const before = at(staying, 0).group;
    expect(before.pendingRemovals).toHaveLength(leaving.length);
    this.members.splice(0, this.members.length, ...staying);
    await this.#commit(at(staying, 0));
    this.gone.push(...leaving);
  }

  async say(index: number): Promise<void> {
    const author = this.pick(index);
    const words = `word ${String(index)}`;
    const { next, message } = await author.group.encrypt(utf8(words));
    author.group.discard();
    author.group = next;
    for (const member of this.members) {
      if (member === author) continue;
      const before = member.group;
      const got = await before.decrypt(message);
      expect(new TextDecoder().decode(got.plaintext)).toBe(words);
      expect(got.sender.clientId).toBe(author.officer.device.clientId);
      before.discard();
      member.group = got.next;
    }
    for (const member of this.gone)
      expect(["future_epoch", "not_decryptable", "stale_epoch"]).toContain(
        (await refusal(member.group.decrypt(message))).code,
      );
  }

  check(): void {
    expect(authenticators(this.members.map((member) => member.group)).size).toBe(1);
    const clients = this.members.map((member) => member.officer.device.clientId).sort();
    for (const { group } of this.members)
      expect(
        group
          .members()
          .map((member) => member.clientId)
          .sort(),
      ).toEqual(clients);
  }
}

type Step = (model: CellModel) => Promise<void>;

const index = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: index.map(
      (i): Step =>
        (model) =>
          model.say(i),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(index, fc.integer({ min: 1, max: 4 })).map(
      ([i, n]): Step =>
        (model) =>
          model.welcome(i, n),
    ),
  },
  { weight: 2, arbitrary: fc.constant<Step>((model) => model.joinExternally()) },
  {
    weight: 1,
    arbitrary: index.map(
      (i): Step =>
        (model) =>
          model.update(i),
    ),
  },
  {
    weight: 1,
    arbitrary: index.map(
      (i): Step =>
        (model) =>
          model.resync(i),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .array(index, { minLength: 1, maxLength: 2 })
      .map((list): Step => async (model) => {
        if (model.members.length > 1) await model.remove(list);
      }),
  },
);

describe("a cell under random operations", () => {
  test("agrees, reads everything, and shuts out whoever was removed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 6, maxLength: 14 }), async (steps) => {
        const model = new CellModel();
        await model.start();
        for (const one of steps) {
          await one(model);
          model.check();
          await model.say(0);
        }
      }),
      { numRuns: 15 },
    );
  });
});

describe("a tree whose nodes have different unmerged leaves", () => {
  test("is refused by ts-mls when joining, and accepted here", async () => {
    const model = new CellModel();
    await model.start();
    for (let i = 0; i < 3; i++) await model.joinExternally();
    await model.welcome(0, 3);
    await model.update(4); // Leaf 4 fills the nodes above leaves 4 to 7.
    await model.welcome(0, 1); // Leaf 7 is unmerged there and at the root,
    await model.update(0); // and after this only there.
    const state = decodeContainer(model.pick(0).group.encode(), 1);
    const cs = await library();
    const refused = await validateRatchetTree(
      state.ratchetTree,
      state.groupContext,
      defaultLifetimeConfig,
      defaultAuthenticationService,
      state.groupContext.treeHash,
      cs,
    );
    expect(refused?.message).toMatch("unmerged_leaves");
    await requireSoundTree(state.ratchetTree, state.groupContext, cs);
    await model.joinExternally();
    await model.welcome(2, 1);
    model.check();
    await model.say(8);
  });

  test("is refused here when it breaks what the RFC does ask", async () => {
    const model = new CellModel();
    await model.start();
    for (let i = 0; i < 3; i++) await model.joinExternally();
    await model.welcome(0, 3);
    await model.update(4);
    await model.welcome(0, 1);
    const { ratchetTree: tree, groupContext } = decodeContainer(model.pick(0).group.encode(), 1);
    const cs = await library();
    await requireSoundTree(tree, groupContext, cs);
    const withUnmerged = (index: number, unmergedLeaves: number[], from = tree): RatchetTree =>
      from.map((node, i) =>
        i === index && node?.nodeType === "parent"
          ? { ...node, parent: { ...node.parent, unmergedLeaves } }
          : node,
      );
    const rekeyed = (index: number): RatchetTree =>
      tree.map((node, i) =>
        i === index && node?.nodeType === "parent"
          ? { ...node, parent: { ...node.parent, hpkePublicKey: new Uint8Array(32) } }
          : node,
      );
    const leaf = tree[0];
    if (leaf?.nodeType !== "leaf") throw new Error("no leaf");
    const broken: [RegExp, RatchetTree][] = [
      [/between/u, withUnmerged(11, [])], // The root lists leaf 7, the node below it no more.
      [/not below/u, withUnmerged(11, [0], withUnmerged(7, []))],
      [/not in order/u, withUnmerged(7, [7, 7])],
      [/wrong place/u, [tree[1], ...tree.slice(1)]],
      [/key is there twice/u, tree.map((node, i) => (i === 2 ? leaf : node))],
      [/signature/u, tree.map((node, i) => (i === 0 ? forged(leaf) : node))],
      [/does not speak/u, tree.map((node, i) => (i === 0 ? mute(leaf) : node))],
      [/parent hashes/u, rekeyed(1)],
      [/parent hashes/u, rekeyed(7)],
      [/parent hashes/u, rekeyed(11)],
    ];
    // The library judges parent hashes alike.
    for (const index of [1, 7, 11])
      expect(await verifyParentHashes(rekeyed(index), cs.hash)).toBe(false);
    expect(await verifyParentHashes(tree, cs.hash)).toBe(true);
    for (const [reason, wrong] of broken)
      await expect(requireSoundTree(wrong, groupContext, cs)).rejects.toThrow(reason);
    const elsewhere = { ...groupContext, treeHash: new Uint8Array(32) };
    await expect(requireSoundTree(tree, elsewhere, cs)).rejects.toThrow(/group context/u);
  });
});

type LeafEntry = Extract<NonNullable<RatchetTree[number]>, { nodeType: "leaf" }>;

function forged(entry: LeafEntry): LeafEntry {
  return { ...entry, leaf: { ...entry.leaf, signature: new Uint8Array(64) } };
}

function mute(entry: LeafEntry): LeafEntry {
  const capabilities = { ...entry.leaf.capabilities, ciphersuites: [] };
  return { ...entry, leaf: { ...entry.leaf, capabilities } };
}

describe("parsers of outside bytes", () => {
  test("messages and stored cells give only documented errors", async () => {
    const world = new CellWorld();
    const { officers, groups } = await world.cellOf(3);
    const group = at(groups, 0);
    const pending = await group.commit([], world.roster);
    const late = await world.officer();
    const added = await pending.next.commit(
      [(await late.mls.generateKeyPackage(false)).keyPackage],
      world.roster,
    );
    const goods: [string, (bytes: Uint8Array) => unknown, Uint8Array][] = [
      ["commit", decodePublicMessage, pending.commit],
      ["group info", decodeGroupInfo, pending.groupInfo],
      ["welcome", decodeWelcome, welcomeOf(added)],
      ["message", decodePrivateMessage, (await group.encrypt(utf8("x"))).message],
      ["key package", decodeKeyPackage, (await late.mls.generateKeyPackage(true)).keyPackage],
      ["stored cell", (bytes) => decodeContainer(bytes, 1), group.encode()],
    ];
    for (const [, parse, good] of goods) {
      const onlyRefuses = (bytes: Uint8Array): boolean => {
        try {
          parse(bytes);
          return true;
        } catch (error) {
          return error instanceof CheckRefused && error.code === "malformed";
        }
      };
      fc.assert(
        fc.property(
          fc.uint8Array({ maxLength: 200 }),
          fc.nat(good.length - 1),
          fc.nat(255),
          (random, where, value) => {
            const altered = good.slice();
            altered[where] = value;
            const longer = Uint8Array.from([...good, 0]);
            return (
              onlyRefuses(random) &&
              onlyRefuses(altered) &&
              onlyRefuses(good.subarray(0, where)) &&
              onlyRefuses(longer)
            );
          },
        ),
        { numRuns: 60 },
      );
    }
    // And through the whole of a cell: nothing but a refusal, and the snapshot stays usable.
    const reader = at(groups, 1);
    await fc.assert(
      fc.asyncProperty(fc.nat(pending.commit.length - 1), fc.nat(255), async (where, value) => {
        const altered = pending.commit.slice();
        if (altered[where] === value) return;
        altered[where] = value;
        const { code } = await refusal(reader.processHandshake(altered, world.roster));
        expect(code).not.toBe("evicted");
      }),
      { numRuns: 60 },
    );
    const seen = await reader.processHandshake(pending.commit, world.roster);
    expect(authenticators([seen.next, pending.next]).size).toBe(1);
    expect(officers).toHaveLength(3);
  });
});
