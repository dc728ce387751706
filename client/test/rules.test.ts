/**
 * The numbered rules of CELLS.md section 2. Each test shows, where that can be shown, that ts-mls by
 * itself accepts, and that we refuse.
 */
import type { ClientState } from "ts-mls";
import { createCommit, defaultKeyPackageEqualityConfig, emptyPskIndex } from "ts-mls";
import { defaultClientConfig } from "ts-mls/clientConfig.js";
import { describe, expect, test } from "vitest";
import { decodeContainer } from "../src/mls/container.ts";
import { groupExtensions } from "../src/mls/context.ts";
import { credentialOf } from "../src/mls/credential.ts";
import { externalSenders } from "../src/mls/external-senders.ts";
import { groupInfoOf } from "../src/mls/group-info.ts";
import { encodeGroupId } from "../src/mls/group-id.ts";
import { decodeKeyPackage, encodeGroupInfo } from "../src/mls/messages.ts";
import { KEY_RETENTION } from "../src/mls/rules/rule-06-forget.ts";
import { SAME_CLIENT } from "../src/mls/rules/rule-10-same-client.ts";
import type { CellGroup } from "../src/mls/types.ts";
import { newId, utf8 } from "../src/octets.ts";
import {
  authorityProposes,
  bare,
  bareWithAuthority,
  keyPackageFor,
  lawlessCommit,
  lawlessJoin,
  library,
  libraryAccepts,
} from "./bare-library.ts";
import { BOTH_SUITES, CellWorld, at, authenticators, refusal } from "./cell-world.ts";
import { Department, encodeExternalRemove, newKeyPair } from "./certificates.ts";

async function infoOf(group: CellGroup, world: CellWorld): Promise<[CellGroup, Uint8Array]> {
  const pending = await group.commit([], world.roster);
  return [pending.next, pending.groupInfo];
}

function authority(world: CellWorld): { certificate: Uint8Array; publicKey: Uint8Array } {
  return {
    certificate: world.department.rosterCertificate,
    publicKey: world.department.roster.publicKey,
  };
}

describe.each(BOTH_SUITES)("what ts-mls accepts and we must not: suite $suite", ({ suite }) => {
  test("T1: an external commit removes only a leaf of the same client", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    const [group, info] = await infoOf(at(groups, 0), world);
    const intruder = await world.officer();
    const commit = await lawlessJoin(info, intruder.device, 1);
    await libraryAccepts(bare(group, at(officers, 0).device), commit);
    expect(await refusal(group.processHandshake(commit, world.roster))).toEqual({
      code: "rule_violated",
      rule: 1,
    });
  });

  test("T2: a client joins once, and no key is used twice", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const [group, info] = await infoOf(at(groups, 0), world);
    const twice = at(officers, 1);
    const commit = await lawlessJoin(info, twice.device, null);
    const broken = await libraryAccepts(bare(group, at(officers, 0).device), commit);
    await expect(lawlessCommit(broken, [])).resolves.toBeDefined();
    expect(await refusal(group.processHandshake(commit, world.roster))).toEqual({
      code: "rule_violated",
      rule: 2,
    });
    // The same in a Welcome, in one's own commit, and with a second certificate for one key.
    const again = await twice.mls.generateKeyPackage(false);
    expect(await refusal(group.commit([again.keyPackage], world.roster))).toMatchObject({
      rule: 2,
    });
    const other = await world.officer({
      keys: {
        privateKey: twice.device.signaturePrivateKey,
        publicKey: twice.device.signaturePublicKey,
      },
    });
    const copied = await other.mls.generateKeyPackage(false);
    expect(await refusal(group.commit([copied.keyPackage], world.roster))).toMatchObject({
      rule: 2,
    });
  });

  test("T3: a roster Remove is for this group and this epoch", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    const group = at(groups, 0);
    world.unname(at(officers, 2).device);
    const elsewhere = encodeExternalRemove(
      world.department.roster.privateKey,
      encodeGroupId({ conversationId: world.conversationId, cellId: newId() }),
      group.epoch,
      2,
    );
    const later = world.remove(group, 2, group.epoch + 1);
    const earlier = world.remove(group, 2, group.epoch - 1);
    const state = bareWithAuthority(group, at(officers, 0).device, authority(world));
    for (const replayed of [elsewhere, later]) {
      const after = await libraryAccepts(state, replayed);
      expect(Object.keys(after.unappliedProposals)).toHaveLength(1);
    }
    expect(await refusal(group.processHandshake(elsewhere, world.roster))).toEqual({
      code: "rule_violated",
      rule: 3,
    });
    expect((await refusal(group.processHandshake(later, world.roster))).code).toBe("future_epoch");
    expect((await refusal(group.processHandshake(earlier, world.roster))).code).toBe("stale_epoch");
    await group.processHandshake(world.remove(group, 2), world.roster);
  });

  test("T4: the roster authority proposes Remove only, and nobody else proposes", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const group = at(groups, 0);
    const device = at(officers, 0).device;
    const state = bareWithAuthority(group, device, authority(world));
    const newcomer = await keyPackageFor((await world.officer()).device, suite);
    const proposals = [
      { proposalType: "add", add: { keyPackage: newcomer.publicPackage } },
      {
        proposalType: "group_context_extensions",
        groupContextExtensions: { extensions: [] },
      },
      {
        proposalType: "reinit",
        reinit: {
          groupId: world.groupId,
          version: "mls10",
          cipherSuite: state.groupContext.cipherSuite,
          extensions: [],
        },
      },
    ] as const;
    for (const proposal of proposals) {
      const message = await authorityProposes(
        state,
        world.department.roster,
        proposal as Parameters<typeof authorityProposes>[2],
      );
      const after = await libraryAccepts(state, message);
      expect(Object.keys(after.unappliedProposals)).toHaveLength(1);
      expect(await refusal(group.processHandshake(message, world.roster))).toEqual({
        code: "rule_violated",
        rule: 4,
      });
    }
    // A Remove that somebody else signed, and one for a client that the roster names.
    world.unname(at(officers, 1).device);
    const forged = encodeExternalRemove(newKeyPair().privateKey, world.groupId, group.epoch, 1);
    expect(await refusal(group.processHandshake(forged, world.roster))).toMatchObject({ rule: 4 });
    world.name(at(officers, 1).device);
    expect((await refusal(group.processHandshake(world.remove(group, 1), world.roster))).code).toBe(
      "rule_violated",
    );
    // A member's own commit removes nobody by itself.
    const lawless = await lawlessCommit(bare(at(groups, 1), at(officers, 1).device), [
      { proposalType: "remove", remove: { removed: 0 } },
    ]);
    expect(await refusal(group.processHandshake(lawless.commit, world.roster))).toMatchObject({
      rule: 4,
    });
  });

  test("T5: a commit names every pending Remove", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    const [a, b] = [at(groups, 0), at(groups, 1)];
    world.unname(at(officers, 2).device);
    const told = await a.processHandshake(world.remove(a, 2), world.roster);
    const omits = await lawlessCommit(bare(b, at(officers, 1).device), []);
    const kept = await libraryAccepts(bare(told.next, at(officers, 0).device), omits.commit);
    expect(kept.ratchetTree[4]).toBeDefined();
    expect(await refusal(told.next.processHandshake(omits.commit, world.roster))).toEqual({
      code: "rule_violated",
      rule: 5,
    });
    expect(await refusal(told.next.encrypt(utf8("not yet")))).toMatchObject({ rule: 5 });
    // And a commit may not name what this member never saw.
    const toldB = await b.processHandshake(world.remove(b, 2), world.roster);
    const names = await toldB.next.commit([], world.roster);
    expect(await refusal(a.processHandshake(names.commit, world.roster))).toMatchObject({
      rule: 5,
    });
  });

  test("T6: no key of an earlier epoch is kept", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    let group = at(groups, 0);
    let state: ClientState = bare(group, at(officers, 0).device, {
      ...defaultClientConfig,
      keyRetentionConfig: { ...KEY_RETENTION, retainKeysForEpochs: 0 },
    });
    for (let i = 0; i < 3; i++) {
      state = (await lawlessCommit(state, [])).state;
      group = (await group.commit([], world.roster)).next;
    }
    expect(state.historicalReceiverData.size).toBe(3);
    expect(decodeContainer(group.encode(), group.suite).historicalReceiverData.size).toBe(0);
  });

  test("T7, E4: what a lost commit consumed is not zeroed before the winner is stored", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const [a, b] = [at(groups, 0), at(groups, 1)];
    const winner = await b.commit([], world.roster);
    const state = bare(a, at(officers, 0).device);
    const { consumed } = await createCommit(
      { state, pskIndex: emptyPskIndex, cipherSuite: await library(suite) },
      { wireAsPublicMessage: true },
    );
    for (const secret of consumed) secret.fill(0);
    await expect(libraryAccepts(state, winner.commit)).rejects.toThrow();

    // Two operations on one snapshot, then the winner: all from the same secrets.
    const lost = await a.commit([], world.roster);
    const hello = await b.encrypt(utf8("hello"));
    const heard = await a.decrypt(hello.message);
    a.discard();
    const after = await heard.next.processHandshake(winner.commit, world.roster);
    heard.next.discard();
    expect(authenticators([after.next, winner.next]).size).toBe(1);
    const sent = await after.next.encrypt(utf8("still here"));
    expect((await winner.next.decrypt(sent.message)).sender.leafIndex).toBe(0);
    // The abandoned branch was never touched by the winner's zeroing either.
    await lost.next.encrypt(utf8("into the void"));
    // And what was consumed is gone: the same message does not open again.
    expect((await refusal(a.decrypt(hello.message))).code).toBe("not_decryptable");
    expect((await refusal(heard.next.processHandshake(winner.commit, world.roster))).code).toBe(
      "unverified",
    );
  });

  test("T8: a client without an old leaf joins without resync", async () => {
    // The library with `resync: true` and no former leaf never comes back, so it is not shown.
    const world = new CellWorld(suite);
    const { groups } = await world.cellOf(2);
    const [group, info] = await infoOf(at(groups, 0), world);
    const late = await world.officer();
    const join = await late.mls.joinByExternalCommit(info, world.roster);
    expect(join.removed).toEqual([]);
    const seen = await group.processHandshake(join.commit, world.roster);
    expect(seen.added.map((member) => member.clientId)).toEqual([late.device.clientId]);
  });

  test("T9: a stored cell trusts nobody more than before", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const [a, b] = [at(groups, 0), at(groups, 1)];
    const stranger = new Department().device();
    world.name(stranger);
    const { publicPackage } = await keyPackageFor(stranger, suite);
    const lawless = await lawlessCommit(bare(a, at(officers, 0).device), [
      { proposalType: "add", add: { keyPackage: publicPackage } },
    ]);
    await libraryAccepts(bare(b, at(officers, 1).device), lawless.commit);
    const reloaded = await at(officers, 1).mls.decode(b.encode());
    for (const group of [b, reloaded])
      expect((await refusal(group.processHandshake(lawless.commit, world.roster))).code).toBe(
        "credential_refused",
      );
  });

  test("T10: the same client is known by its certificate, not by its key", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(2);
    const { personId, clientId, signaturePrivateKey, signaturePublicKey } = at(officers, 1).device;
    const keys = { privateKey: signaturePrivateKey, publicKey: signaturePublicKey };
    const rekeyed = await world.officer({ personId, clientId });
    const copied = await world.officer({ keys });
    const state = bare(at(groups, 0), at(officers, 0).device);
    const node = state.ratchetTree[2];
    if (node?.nodeType !== "leaf") throw new Error("no leaf");
    const [ofRekeyed, ofCopied] = [
      (await keyPackageFor(rekeyed.device, suite)).publicPackage,
      (await keyPackageFor(copied.device, suite)).publicPackage,
    ];
    const theirs = defaultKeyPackageEqualityConfig.compareKeyPackageToLeafNode;
    const ours = SAME_CLIENT.compareKeyPackageToLeafNode;
    expect([theirs(ofRekeyed, node.leaf), ours(ofRekeyed, node.leaf)]).toEqual([false, true]);
    expect([theirs(ofCopied, node.leaf), ours(ofCopied, node.leaf)]).toEqual([true, false]);

    const [group, info] = await infoOf(at(groups, 0), world);
    const resync = await rekeyed.mls.joinByExternalCommit(info, world.roster);
    expect(resync.removed.map((member) => member.leafIndex)).toEqual([1]);
    const seen = await group.processHandshake(resync.commit, world.roster);
    expect(seen.next.members()).toHaveLength(2);
    expect((await refusal(copied.mls.joinByExternalCommit(info, world.roster))).code).toBe(
      "rule_violated",
    );
  });

  test("T11: the group's external sender is the pinned roster authority", async () => {
    const world = new CellWorld(suite);
    const schemer = await world.officer();
    const victim = await world.officer();
    const found = await world.found(schemer);
    const { signaturePublicKey, certificate } = schemer.device;
    const honest = bare(found, schemer.device);
    const [required] = groupExtensions(await world.department.checker());
    if (required === undefined) throw new Error("no required_capabilities");
    const seized = externalSenders({
      signaturePublicKey,
      credential: credentialOf(certificate),
    });
    const bundle = await victim.mls.generateKeyPackage(false);
    for (const extensions of [
      [required, seized],
      [required],
      [seized],
      [required, seized, ...groupExtensions(await world.department.checker()).slice(1)],
    ]) {
      const state = { ...honest, groupContext: { ...honest.groupContext, extensions } };
      const { welcome } = await lawlessCommit(state, [
        { proposalType: "add", add: { keyPackage: decodeKeyPackage(bundle.keyPackage) } },
      ]);
      if (welcome === null) throw new Error("no Welcome");
      expect(await refusal(victim.mls.joinByWelcome(welcome, [bundle], world.roster))).toEqual({
        code: "rule_violated",
        rule: 11,
      });
      const info = encodeGroupInfo(await groupInfoOf(state, await library(suite)));
      expect(await refusal(victim.mls.joinByExternalCommit(info, world.roster))).toEqual({
        code: "rule_violated",
        rule: 11,
      });
    }
    // And the roles cannot be exchanged: the authority's certificate is no client's.
    const checker = await world.department.checker();
    await checker.checkClient(certificate, signaturePublicKey);
    await expect(
      checker.checkClient(world.department.rosterCertificate, world.department.roster.publicKey),
    ).rejects.toMatchObject({ code: "credential_refused" });
  });

  test("T12: nobody joins by external commit while a Remove is pending", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    const [group, info] = await infoOf(at(groups, 0), world);
    const late = await world.officer();
    const join = await late.mls.joinByExternalCommit(info, world.roster);
    world.unname(at(officers, 2).device);
    const told = (await group.processHandshake(world.remove(group, 2), world.roster)).next;
    const voided = await libraryAccepts(bare(told, at(officers, 0).device), join.commit);
    expect(Object.keys(voided.unappliedProposals)).toHaveLength(0);
    expect(voided.ratchetTree[4]).toBeDefined();
    expect(await refusal(told.processHandshake(join.commit, world.roster))).toEqual({
      code: "rule_violated",
      rule: 12,
    });
    // The joiner itself sees that the tree holds somebody whom the roster no longer names.
    const other = await world.officer();
    expect((await refusal(other.mls.joinByExternalCommit(info, world.roster))).code).toBe(
      "rule_violated",
    );
  });

  test("T13: a device that was removed is told so, at every step", async () => {
    const world = new CellWorld(suite);
    const { officers, groups } = await world.cellOf(3);
    const [a, b] = [at(groups, 0), at(groups, 1)];
    const commit = await a.commit([], world.roster);
    const b1 = (await b.processHandshake(commit.commit, world.roster)).next;
    // The same device joins anew elsewhere, and its old self sees it.
    const resync = await at(officers, 1).mls.joinByExternalCommit(commit.groupInfo, world.roster);
    const alone = await libraryAccepts(bare(b1, at(officers, 1).device), resync.commit).catch(
      (error: unknown) => error,
    );
    expect(alone).toBeInstanceOf(Error);
    const seen = await b1.processHandshake(resync.commit, world.roster);
    expect(seen.evicted).toBe(true);
    const reloaded = await at(officers, 1).mls.decode(seen.next.encode());
    for (const group of [seen.next, reloaded]) {
      for (const attempt of [
        group.encrypt(utf8("still there?")),
        group.commit([], world.roster),
        group.processHandshake(commit.commit, world.roster),
        group.decrypt(new Uint8Array(3)),
        Promise.resolve().then(() => group.exportSecret("x", new Uint8Array(), 32)),
      ])
        expect(await refusal(attempt)).toEqual({ code: "evicted", rule: 13 });
    }
    // One that is about to be removed cannot commit its own removal.
    world.unname(at(officers, 2).device);
    const c1 = (await at(groups, 2).processHandshake(commit.commit, world.roster)).next;
    const told = await c1.processHandshake(world.remove(c1, 2), world.roster);
    expect((await refusal(told.next.commit([], world.roster))).code).toBe("evicted");
  });
});
