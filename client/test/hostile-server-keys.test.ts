/**
 * A server that lies to a sender about the keys of the cells, with and without a member's help: no
 * key that is not the cell's own gets a seal (docs/threat-model.md).
 */
import { describe, expect, it } from "vitest";
import { parseSeals } from "../src/cells/message.ts";
import { parseRecord } from "../src/cells/record.ts";
import { X25519 } from "../src/cells/format.ts";
import type * as wire from "../src/wire.ts";
import { forgedKey } from "./forging.ts";
import { LIMIT_MS, VICTIM, hostileWorld } from "./hostile-world.ts";
import { loseRecords } from "./vaults.ts";

const h = hostileWorld();
const { w, network } = h;
/** Above any version that the server has come to. */
const LATER = 10_000;

type Forge = (real: wire.CellKey) => Promise<wire.CellKey>;

/** Tell the victim another key of one cell. */
function substitute(cellId: string, forge: Forge): void {
  h.tellKeys(async (honest) => ({
    ...honest,
    version: LATER,
    keys: await Promise.all(honest.keys.map((key) => (key.cellId === cellId ? forge(key) : key))),
  }));
}

async function forgedByMaker(real: wire.CellKey): Promise<wire.CellKey> {
  return forgedKey(await h.makerOf(real), real, { createdMs: Date.now() });
}

/** With another public key, in its first byte; the signature covers it. */
function altered(record: Uint8Array): Uint8Array {
  const other = record.slice();
  other[93] = (other[93] ?? 0) ^ 1;
  return other;
}

function keyOf(keys: wire.CellKeys, cellId: string): wire.CellKey {
  const found = keys.keys.find((key) => key.cellId === cellId);
  if (found === undefined) throw new Error("no key");
  return found;
}

/** The victim forgets what it knew of keys, as if it had come in just now. */
async function forgetsKeys(): Promise<void> {
  await h.victim.core.close();
  await loseRecords(h.victim.vaultName, "cell_keys");
  await h.victim.restart();
}

/** The keys of a cell that the victim seals for from now on, whatever the server says to it. */
function keysUsed(cellId: string): Set<string> {
  const used = new Set<string>();
  network.forge = (path, body) => {
    if (path.endsWith("/sealed"))
      for (const seal of parseSeals((body as wire.PostSealed).seals, X25519))
        if (seal.cellId === cellId) used.add(seal.keyId);
    return body;
  };
  return used;
}

/** The victim seals nothing for the cell while it is lied to, and does afterwards. */
async function sealsForTheRealKeyOnly(cellId: string, text: string): Promise<void> {
  const used = keysUsed(cellId);
  const { messageId } = await h.victim.text(h.id, text);
  await h.askedForKeys();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(await h.went(h.victim, messageId)).toBe(false);
  h.tellKeys((honest) => ({ ...honest, version: LATER + 1 }));
  await h.other(0).receives(h.id, text, 30_000);
  expect(used).toEqual(new Set([parseRecord(keyOf(h.keys(), cellId).record).keyId]));
}

describe("a server that lies about keys", { timeout: LIMIT_MS }, () => {
  it("K3, E3: publishes another key of the victim's own cell than it derives: an alarm", async () => {
    await h.newGroup();
    substitute(await h.cellOf(h.victim), forgedByMaker);
    // A new epoch of its cell, whose key it has not seen.
    const second = await w.device(VICTIM);
    await second.ready(h.id);
    await h.victim.text(h.id, "under a key of theirs").catch(() => undefined);
    await h.alarmed("cell_key_mismatch");
    expect(await h.other(0).texts(h.id)).not.toContain("under a key of theirs");
    await second.core.signOut();
  });

  it("K4: keeps a key whose maker's certificate was revoked: no seal for it", async () => {
    await h.newGroup();
    const neighbour = await h.beside(false);
    const second = await w.device(h.others.indexOf(neighbour));
    await second.ready(h.id);
    const { clientId } = await second.core.state();
    const maker = w.server.account(clientId ?? "");
    const old = keyOf(h.keys(), await h.cellOf(neighbour));
    expect(parseRecord(old.record).signer).toBe(maker.certificateHash);
    await second.core.close();
    w.server.department.revoke({ ...maker }, w.server.now() - 7_200_000);
    await forgetsKeys();
    network.seen.length = 0;
    const { messageId } = await h.victim.text(h.id, "not for the revoked");
    await h.askedForKeys();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await h.went(h.victim, messageId)).toBe(false);
    // The department takes the device out, and the cell has a key of somebody else's.
    w.server.revoke(clientId ?? "");
    await h.other(0).receives(h.id, "not for the revoked", 60_000);
  });

  it("K5: has a device of another cell sign the key: no seal for it", async () => {
    await h.newGroup();
    const [cellId, neighbour] = [await h.cellOf(h.victim), await h.beside(false)];
    const foreign = await h.cellOf(neighbour);
    const target = h.keys().cells.find((one) => one !== foreign && one !== cellId) ?? "";
    const { record, signerProof } = keyOf(h.keys(), foreign);
    const maker = await h.makerOf(keyOf(h.keys(), foreign));
    const { rosterEpoch } = parseRecord(record);
    await forgetsKeys();
    substitute(target, async (real) => ({
      ...(await forgedKey(maker, real, { rosterEpoch })),
      signerProof,
    }));
    await sealsForTheRealKeyOnly(target, "not for a stranger to the cell");
  });

  it("K6: alters a key record: no seal for it", async () => {
    await h.newGroup();
    const target = await h.cellOf(await h.beside(false));
    await forgetsKeys();
    substitute(target, (real) => Promise.resolve({ ...real, record: altered(real.record) }));
    await sealsForTheRealKeyOnly(target, "not for an altered key");
  });

  it("K5, K6: has lied and does no more: what waited goes out", async () => {
    await h.newGroup();
    const lies: Forge[] = [
      (real) => Promise.resolve({ ...real, record: altered(real.record) }),
      (real) => Promise.resolve({ ...real, signerProof: new Uint8Array() }),
    ];
    for (const [i, lie] of lies.entries()) {
      const reader = await h.beside(false);
      await forgetsKeys();
      substitute(await h.cellOf(reader), lie);
      const text = `waits for the truth ${String(i)}`;
      const { messageId } = await h.victim.text(h.id, text);
      await h.askedForKeys();
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await h.went(h.victim, messageId)).toBe(false);
      // Nothing is newer than the version that it claimed to have come to.
      network.rewrite = null;
      await reader.receives(h.id, text, 60_000);
    }
  });

  it("K7: goes back to a cell's key of before: the victim seals for the newer one", async () => {
    await h.newGroup();
    const neighbour = await h.beside(false);
    const target = await h.cellOf(neighbour);
    const old = keyOf(h.keys(), target);
    const second = await w.device(h.others.indexOf(neighbour));
    await second.ready(h.id);
    await h.says(h.victim, "knows the newer key");
    const newer = keyOf(h.keys(), target);
    expect(newer.keyId).not.toEqual(old.keyId);
    await h.victim.restart();
    substitute(target, () => Promise.resolve(old));
    const used = keysUsed(target);
    await h.says(h.victim, "for the newer key");
    await h.askedForKeys();
    expect(used).toEqual(new Set([parseRecord(newer.record).keyId]));
    await second.core.signOut();
  });

  it("K8: shows another key for an epoch whose key the victim has seen: an alarm", async () => {
    await h.newGroup();
    await h.says(h.victim, "has seen all keys");
    await h.victim.restart();
    substitute(await h.cellOf(await h.beside(false)), forgedByMaker);
    await h.victim.text(h.id, "for two keys").catch(() => undefined);
    await h.alarmed("cell_key_fork");
    expect(await h.other(0).texts(h.id)).not.toContain("for two keys");
  });

  it("K9: keeps a cell's key of eight days ago as the newest: no seal for it", async () => {
    await h.newGroup();
    const target = await h.cellOf(await h.beside(false));
    await forgetsKeys();
    const eightDays = 8 * 24 * 3_600_000;
    substitute(target, async (real) =>
      forgedKey(await h.makerOf(real), real, { createdMs: Date.now() - eightDays }),
    );
    await sealsForTheRealKeyOnly(target, "not for an old key");
  });

  it("K10: leaves a cell out: as if the message were dropped", async () => {
    await h.newGroup();
    const sender = await h.beside(false);
    await h.says(sender, "heard");
    await h.victim.receives(h.id, "heard");
    // Keys that the sender has are good for a moment.
    await sender.restart();
    h.conversation.leftOut.add(await h.cellOf(h.victim));
    h.lie((entry) => (entry.kind === "sealed" ? null : entry));
    const messageId = await h.says(sender, "not for your cell");
    expect(h.conversation.log.at(-1)?.sealed?.missing).toContain(await h.cellOf(h.victim));
    h.conversation.leftOut.clear();
    h.lie((entry) => (entry.entryId === messageId ? null : entry));
    await h.says(sender, "after it");
    await h.victim.receives(h.id, "after it");
    expect(await h.notices()).toContain("gap");
    expect(await h.victim.texts(h.id)).toEqual(["before", "heard", "after it"]);
    expect((await h.victim.core.conversation(h.id)).state).toBe("ready");
  });
});
