/**
 * A server that lies about whose keys a message is sealed with, and about which cells there are; the
 * numbers are those of docs/protocol.md, "What a message is sealed with". The members are real cores;
 * what somebody signs who was removed is made here, with the key of their device.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { publicKeyOf } from "../src/cells/kem.ts";
import { parseSeals, parseSignedHeader } from "../src/cells/message.ts";
import { encodeRecord, makeRecord, parseRecord } from "../src/cells/record.ts";
import { randomBytes, toHex } from "../src/octets.ts";
import { STORES } from "../src/records.ts";
import type { AccountRecord } from "../src/records.ts";
import { CellRosterCopy } from "../src/roster/cell-roster-copy.ts";
import { parseHead } from "../src/roster/head.ts";
import { nobleEd25519 } from "../src/trust/ed25519.ts";
import type * as wire from "../src/wire.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf } from "./several-cells.scenarios.ts";
import { changeRecord, readRecord } from "./vaults.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;
const HOUR_MS = 3_600_000;

let w: MemoryWorld;
/** The one who is lied to. */
let network: Network;
let victim: Officer;
let victimClient = "";
let others: Officer[] = [];
let id = "";
/** What the victim posted since the lie began: which keys it sealed for. */
let posted: wire.PostSealed[] = [];

beforeEach(async () => {
  w = new MemoryWorld(8);
  network = new Network(w.fetch);
  const options = { now: w.server.now };
  others = [];
  for (let i = 0; i < 11; i++) others.push(await w.join(options));
  victim = await w.join({ ...options, fetch: network.fetch });
  victimClient = (await victim.core.state()).clientId ?? "";
}, LIMIT_MS);
afterEach(() => w.close());

async function newGroup(): Promise<void> {
  id = await groupOf([...others, victim]);
  await says(other(0), "before");
  await victim.receives(id, "before", SOON_MS);
  await says(victim, "mine before");
  begin();
  network.forge = (path, body) => {
    if (path.endsWith("/sealed")) posted.push(body as wire.PostSealed);
    return body;
  };
}

/** From here on it counts what is posted; the keys that the victim has are too old to go by. */
function begin(): void {
  posted = [];
  w.server.laterMs += 3_000;
}

function other(index: number): Officer {
  return others[index] as Officer;
}

async function says(officer: Officer, text: string): Promise<void> {
  await officer.text(id, text);
  await officer.until("sent", async () => (await officer.core.state()).outbox === 0, SOON_MS);
}

function conversation(): MemoryConversation {
  return w.server.conversation(id);
}

function keysNow(): wire.CellKeys {
  return conversation().keys(w.server.account(victimClient), 0);
}

/** Somebody's device, as whoever has broken into it has it. */
interface Mallory {
  readonly account: AccountRecord;
  readonly cellId: string;
  /** The head that named the device, and the proof of it. */
  readonly head: Uint8Array;
  readonly proof: Uint8Array;
}

async function taken(officer: Officer): Promise<Mallory> {
  const clientId = (await officer.core.state()).clientId ?? "";
  await officer.core.close();
  const account = await readRecord<AccountRecord>(officer.vaultName, STORES.meta, "account");
  if (account === null) throw new Error("no account");
  const cellId = conversation().leafOf(clientId)?.cellId ?? "";
  const { head, leaves, first, proof } = conversation().cellRoster(
    w.server.account(clientId),
    cellId,
  );
  const { publicKey } = w.server.department.roster;
  const part = { head, leaves, cellId, first, proof };
  const copy = await CellRosterCopy.open(part, id, cellId, publicKey);
  const { certificateHash } = account;
  return { account, cellId, head, proof: copy.inclusionProof(certificateHash) ?? new Uint8Array() };
}

/** A key of Mallory's own for a cell, in a record that is right but for whom it is signed by. */
async function keyBy(
  mallory: Mallory,
  cellId: string,
  rosterEpoch: number,
): Promise<wire.CellKey & { readonly id: string }> {
  const real = keysNow().keys.find((key) => key.cellId === cellId);
  if (real === undefined) throw new Error("no key");
  const { certificate, certificateHash, signaturePrivateKey } = mallory.account;
  const epoch = real.epoch + 1;
  const fields = parseRecord(real.record);
  const record = await makeRecord(
    { ...fields, epoch, rosterEpoch, createdMs: w.server.now(), signer: certificateHash },
    randomBytes(32),
    (message) => nobleEd25519.sign(signaturePrivateKey, message),
  );
  const bytes = encodeRecord(record);
  const { keyId } = parseRecord(bytes);
  const signerProof = mallory.proof;
  return { cellId, epoch, keyId: real.keyId, record: bytes, certificate, signerProof, id: keyId };
}

/** The server gives this key instead of a cell's own, whatever it is asked. */
function give(key: wire.CellKey, more: Partial<wire.CellKeys> = {}): void {
  network.rewrite = (path, body) => {
    if (!path.endsWith("/keys")) return body;
    const keys = body as wire.CellKeys;
    const rest = keysNow().keys.filter(({ cellId }) => cellId !== key.cellId);
    return { ...keys, keys: [...rest, key], ...more };
  };
}

function sealedFor(): readonly { readonly cellId: string; readonly keyId: string }[] {
  return posted.flatMap(({ sealed, seals }) => parseSeals(seals, parseSignedHeader(sealed).kem));
}

async function alarmed(alarm: string): Promise<void> {
  await victim.until("alarm", async () => {
    const item = await victim.core.conversation(id);
    return item.state === "alarm" && item.alarm === alarm;
  });
}

/** The cell has no key for a while, so that the server takes messages without a seal for it. */
function withoutKey(cellId: string): () => void {
  const cell = conversation().cells.get(cellId);
  if (cell === undefined) throw new Error("no cell");
  const { keyId } = cell;
  cell.keyId = null;
  return () => {
    cell.keyId = keyId;
  };
}

describe(
  "K5: who signed a key is named for its cell by the newest head",
  { timeout: LIMIT_MS },
  () => {
    it("refuses a key that a removed member signs under an old head", async () => {
      await newGroup();
      const mallory = await taken(other(10));
      await other(0).core.changeMembers(id, { remove: [other(10).person] });
      const { cellId } = mallory;
      await other(0).until("removed", () =>
        Promise.resolve(conversation().cells.get(cellId)?.removals.size === 0),
      );
      await says(victim, "after the removal");
      begin();
      const forged = await keyBy(mallory, cellId, parseHead(mallory.head).epoch);
      // The server takes what lacks a seal for that cell, as one that is in it with Mallory would.
      const restore = withoutKey(cellId);
      give(forged, { cells: keysNow().cells.concat(cellId).sort() });
      await says(victim, "not for them");
      expect(sealedFor().map((seal) => seal.cellId)).not.toContain(cellId);
      expect((await victim.core.encryption(id)).cellsUnreached).toBe(1);
      // Without the lie the cell gets its seal late, and nobody in it lacks the message.
      restore();
      network.rewrite = (path, body) => (path.endsWith("/keys") ? keysNow() : body);
      await victim.restart();
      for (const officer of others.slice(0, 10))
        await officer.receives(id, "not for them", SOON_MS);
      expect((await victim.core.encryption(id)).cellsUnreached).toBe(0);
      expect(sealedFor().map(({ keyId }) => keyId)).not.toContain(forged.id);
      expect((await victim.core.conversation(id)).state).toBe("ready");
    });

    it("refuses the old head too that such a key is proven under: an alarm", async () => {
      await newGroup();
      const mallory = await taken(other(10));
      await other(0).core.changeMembers(id, { remove: [other(10).person] });
      await other(0).until("removed", () =>
        Promise.resolve(conversation().cells.get(mallory.cellId)?.removals.size === 0),
      );
      await says(victim, "after the removal");
      begin();
      give(await keyBy(mallory, mallory.cellId, parseHead(mallory.head).epoch), {
        head: mallory.head,
      });
      await victim.text(id, "not for them");
      await alarmed("roster_not_an_extension");
      expect(posted).toEqual([]);
    });

    it("refuses a key that a member of another cell signs", async () => {
      await newGroup();
      const mallory = await taken(other(10));
      const cellId = [...conversation().cells.keys()].find((one) => one !== mallory.cellId) ?? "";
      const forged = await keyBy(mallory, cellId, parseHead(mallory.head).epoch);
      const restore = withoutKey(cellId);
      give(forged, { cells: keysNow().cells.concat(cellId).sort() });
      await says(victim, "not for them");
      expect(sealedFor().map((seal) => seal.cellId)).not.toContain(cellId);
      restore();
    });

    it("waits where no cell has a good key, and where the server wants a seal for a bad one", async () => {
      await newGroup();
      const mallory = await taken(other(10));
      const cellId = [...conversation().cells.keys()].find((one) => one !== mallory.cellId) ?? "";
      const forged = await keyBy(mallory, cellId, parseHead(mallory.head).epoch);
      give(forged);
      await victim.text(id, "once it is right");
      await victim.until("refused", () => Promise.resolve(posted.length > 0));
      expect((await victim.core.state()).outbox).toBe(1);
      network.rewrite = (path, body) => (path.endsWith("/keys") ? keysNow() : body);
      await other(0).receives(id, "once it is right", SOON_MS);
      expect(sealedFor().map(({ keyId }) => keyId)).not.toContain(forged.id);
    });

    it("lets go of a key whose signer has lost its place, within an hour", async () => {
      await newGroup();
      const key = keysNow().keys.find(({ cellId }) => {
        const own = conversation().leafOf(victimClient)?.cellId;
        return cellId !== own;
      });
      if (key === undefined) throw new Error("no key");
      const { signer } = parseRecord(key.record);
      const hash = (officer: Officer): Promise<string> =>
        officer.core
          .state()
          .then(({ clientId }) => w.server.account(clientId ?? "").certificateHash);
      const hashes = await Promise.all(others.map(hash));
      const leaving = other(hashes.indexOf(signer));
      const admin = others.find((officer) => officer !== leaving) as Officer;
      if (leaving === other(0)) await leaving.core.changeMembers(id, { makeAdmin: [admin.person] });
      // The server tells the victim of nothing that has become of that cell's keys since.
      const before = keysNow();
      network.rewrite = (path, body) => {
        if (!path.endsWith("/keys")) return body;
        const { head } = body as wire.CellKeys;
        return { ...before, head, keys: [] };
      };
      await admin.core.changeMembers(id, { remove: [leaving.person] });
      await admin.until("removed", () =>
        Promise.resolve(conversation().cells.get(key.cellId)?.removals.size === 0),
      );
      w.server.laterMs += HOUR_MS + 60_000;
      const restore = withoutKey(key.cellId);
      await says(victim, "for the others");
      expect(sealedFor().map((seal) => seal.cellId)).not.toContain(key.cellId);
      restore();
    });
  },
);

describe("K7: a cell's key does not go back", { timeout: LIMIT_MS }, () => {
  it("goes on with the newer key where the server shows an older one", async () => {
    await newGroup();
    const own = conversation().leafOf(victimClient)?.cellId;
    const ids = await Promise.all(
      others.map(async (officer) => (await officer.core.state()).clientId ?? ""),
    );
    const index = ids.findIndex((one) => conversation().leafOf(one)?.cellId !== own);
    const cellId = conversation().leafOf(ids[index] ?? "")?.cellId ?? "";
    const of = (keys: wire.CellKeys) => keys.keys.find((key) => key.cellId === cellId);
    const old = of(keysNow());
    // Another device of somebody in that cell begins its next epoch.
    const second = await w.device(index, { now: w.server.now });
    await second.ready(id);
    await victim.until("newer", () => Promise.resolve(of(keysNow())?.epoch !== old?.epoch));
    begin();
    await says(victim, "knows the newer one");
    const newer = of(keysNow());
    if (old === undefined || newer === undefined) throw new Error("no key");
    begin();
    give(old);
    await says(victim, "still for the newer one");
    const used = sealedFor().find((seal) => seal.cellId === cellId);
    expect(used?.keyId).toBe(toHex(newer.keyId));
    expect((await victim.core.conversation(id)).state).toBe("ready");
  });
});

describe("K10: exactly the roster's cells", { timeout: LIMIT_MS }, () => {
  it("does not seal for a cell that the roster has not, and sends", async () => {
    await newGroup();
    const bogus = "ab".repeat(16);
    network.rewrite = (path, body) => {
      if (!path.endsWith("/keys")) return body;
      const keys = body as wire.CellKeys;
      return { ...keys, cells: [...keys.cells, bogus].sort() };
    };
    await says(victim, "without it");
    expect(sealedFor().map(({ cellId }) => cellId)).not.toContain(bogus);
    expect((await victim.core.encryption(id)).cellsUnreached).toBe(0);
    await other(0).receives(id, "without it", SOON_MS);
  });

  it("sees that a cell is left out, and shows it until that has its seal", async () => {
    await newGroup();
    const own = conversation().leafOf(victimClient)?.cellId ?? "";
    const left = [...conversation().cells.keys()].find((cellId) => cellId !== own) ?? "";
    const restore = withoutKey(left);
    await says(victim, "not for all");
    expect(sealedFor().map(({ cellId }) => cellId)).not.toContain(left);
    expect((await victim.core.encryption(id)).cellsUnreached).toBe(1);
    restore();
    await victim.restart();
    await victim.until(
      "reached",
      async () => (await victim.core.encryption(id)).cellsUnreached === 0,
      SOON_MS,
    );
  });

  it("asks for the list of cells once an hour, however many heads and messages there are", async () => {
    await newGroup();
    const asked = () => network.seen.filter((one) => one.endsWith("/roster/cells")).length;
    const before = asked();
    const admin = other(0);
    for (const person of [other(1).person, other(2).person, other(3).person]) {
      await admin.core.changeMembers(id, { makeAdmin: [person] });
      begin();
      await says(victim, `after ${person}`);
    }
    expect(asked()).toBe(before);
    w.server.laterMs += HOUR_MS;
    for (const text of ["an hour later", "and once more"]) {
      begin();
      await says(victim, text);
    }
    expect(asked()).toBe(before + 1);
    expect((await victim.core.encryption(id)).cellsUnreached).toBe(0);
  });

  it("is an alarm where the list of cells lacks one", async () => {
    network.rewrite = (path, body) => {
      if (!path.endsWith("/roster/cells")) return body;
      const { cells, ...rest } = body as wire.RosterCells;
      return { ...rest, cells: cells.slice(1) };
    };
    id = await groupOf([...others.filter((_, i) => i < 10), victim]);
    await victim.text(id, "hello");
    await alarmed("roster_root_mismatch");
  });
});

describe(
  "K3: a member compares its own cell's key with the one it derives",
  { timeout: LIMIT_MS },
  () => {
    it("raises an alarm when they differ, and does not send", async () => {
      await newGroup();
      // Somebody of the victim's own cell publishes another key than the cell's for the next epoch.
      const own = conversation().leafOf(victimClient)?.cellId ?? "";
      const cell = conversation().cells.get(own);
      const seed = randomBytes(32);
      const real = keysNow().keys.find((key) => key.cellId === own);
      if (cell === undefined || real === undefined) throw new Error("no key");
      const ids = await Promise.all(
        others.map(async (officer) => (await officer.core.state()).clientId ?? ""),
      );
      const inside = other(ids.findIndex((one) => conversation().leafOf(one)?.cellId === own));
      const mallory = await taken(inside);
      const { certificate, certificateHash, signaturePrivateKey } = mallory.account;
      const fields = parseRecord(real.record);
      const bent = await makeRecord(
        { ...fields, createdMs: w.server.now(), signer: certificateHash },
        seed,
        (message) => nobleEd25519.sign(signaturePrivateKey, message),
      );
      expect(toHex(bent.publicKey)).toBe(toHex(await publicKeyOf(fields.kem, seed)));
      // The victim has asked for no key of this epoch yet.
      await victim.core.close();
      await changeRecord(victim.vaultName, STORES.cellKeys, id, () => null);
      await victim.restart();
      await victim.ready(id);
      give({ ...real, record: encodeRecord(bent), certificate, signerProof: mallory.proof });
      await victim.text(id, "to whom?");
      await alarmed("cell_key_mismatch");
      expect(posted).toEqual([]);
    });
  },
);
