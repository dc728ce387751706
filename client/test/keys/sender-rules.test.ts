/** S1 to S4, and R4 of heads: what the golden vectors do not cover. */
import { describe, expect, it } from "vitest";
import { CellKeyFormat } from "#core/keys/cell-key.ts";
import {
  ConversationKeyFormat,
  makeConversationKey,
  type ConversationKey,
} from "#core/keys/conversation-key.ts";
import { hash, ZEROS } from "#core/keys/format/hashing.ts";
import { ENC_BYTES, X25519, XWING } from "#core/keys/hpke.ts";
import { idOf, type CellId } from "#core/ids.ts";
import { climb, leafHash, merkleRoot } from "#core/keys/format/merkle.ts";
import { Reader } from "#core/keys/format/fields.ts";
import { Refused } from "#core/keys/format/refused.ts";
import { MAX_SEALS_BYTES } from "#core/limits.ts";
import { withinOneRequest } from "#core/outbox/making.ts";
import { DAY_MS, MINUTE_MS } from "#core/keys/format/times.ts";
import { newestKeyFirst, requireUsableCellKey, requireUsableKey } from "#core/keys/sender-rules.ts";
import { toHex, utf8, type Bytes } from "#core/octets.ts";
import {
  RosterHeadFormat,
  checkHead,
  checkLaterHead,
  requireSealingKem,
  type RosterHead,
} from "#core/keys/roster/head.ts";
import { checkProof } from "#core/keys/roster/proof.ts";
import { HeadStampFormat, checkStamp, requireFreshStamp } from "#core/keys/roster/stamp.ts";
import { DepartmentFormat } from "#core/keys/trust/department.ts";
import { merklePath, rosterTree } from "../support/roster-tree.ts";
import { GoldenConversation, deviceId, seed } from "./golden-world.ts";
import { ALL, at, hex } from "./vectors.ts";
import { VerifiedRoster } from "./verified-roster.ts";

const [[, v], [, pq]] = ALL as unknown as readonly [(typeof ALL)[number], (typeof ALL)[number]];
const AUTHORITY = hash(utf8("copconnect vector signature key roster authority"));
const authority = DepartmentFormat.parse(hex(v.department)).authority;
const golden = (epoch: string) => RosterHeadFormat.parse(hex(at(v.roster, epoch).head));
const rule = (name: string) => ({ rule: name });

function next(before: RosterHead, changes: Partial<RosterHead>): Promise<RosterHead> {
  const values = { ...before, epoch: before.epoch + 1, previous: before.hash, ...changes };
  return RosterHeadFormat.sign(values, AUTHORITY);
}

async function sending(changes: Partial<{ newest: RosterHead; nowMs: number }> = {}) {
  const known = await GoldenConversation.open(v);
  return { known, judge: known.judge, newest: golden("3"), nowMs: v.now, ...changes };
}

describe("heads and stamps", () => {
  it("R4 kem may rise with a rekey, and never goes back", async () => {
    const before = golden("3");
    const risen = await next(before, { kem: XWING, rekeyEpoch: 4 });
    checkLaterHead(before, risen);
    const wrong = [
      await next(before, { kem: XWING }),
      await next(before, { previous: ZEROS }),
      await next(before, { rekeyEpoch: 2 }),
      await next(before, { epoch: 3 }),
    ];
    for (const head of wrong) expect(() => checkLaterHead(before, head)).toThrow(/^R4/u);
    const back = await next(risen, { kem: X25519, rekeyEpoch: 5 });
    expect(() => checkLaterHead(risen, back)).toThrow(/^R4.*KEM goes back/u);
    // Heads between may be unknown.
    checkLaterHead(before, await next(before, { epoch: 9, kem: XWING, rekeyEpoch: 5 }));
  });

  it("S3 R4 the department's lowest KEM binds sealing, not reading", async () => {
    const department = { ...DepartmentFormat.parse(hex(v.department)), lowestKem: XWING } as const;
    await checkHead(golden("3"), authority, hex(v.conversation));
    expect(() => requireSealingKem(golden("3"), department)).toThrow(/^S3/u);
    const high = RosterHeadFormat.parse(hex(at(pq.roster, "3").head));
    requireSealingKem(high, department);
  });

  it("R4 a known roster takes no second head for an epoch, and none that does not fit", async () => {
    const { known } = await sending();
    const roster = new VerifiedRoster(hex(v.conversation), known.judge.records);
    const three = await roster.addHead(golden("3").bytes);
    expect(await roster.addHead(golden("3").bytes)).toBe(three);
    const fork = await next(golden("2"), { rekeyEpoch: 3, created: three.created + 1 });
    await expect(roster.addHead(fork.bytes)).rejects.toMatchObject(rule("R4"));
    await roster.addHead(golden("1").bytes);
    const between = await next(golden("1"), { created: 1 });
    await expect(roster.addHead(between.bytes)).rejects.toMatchObject(rule("R4"));
    await roster.addHead(golden("2").bytes);
    const missing = new VerifiedRoster(hex(v.conversation), known.judge.records);
    const proof = hex(at(at(v.roster, "3").leaves, "a"));
    expect(() => missing.addProof(3, deviceId(v, "a"), proof)).toThrow(Refused);
  });

  it("S1 a stamp serves for 10 min, and not below a known epoch", async () => {
    const head = golden("3");
    const values = { conversation: hex(v.conversation), head: head.hash, time: v.now };
    const stamp = await HeadStampFormat.sign(values, AUTHORITY);
    await checkStamp(stamp, head, authority, v.now + 10 * MINUTE_MS, 3);
    requireFreshStamp(stamp, head, v.now + 10 * MINUTE_MS, 3);
    expect(() => requireFreshStamp(stamp, head, v.now + 10 * MINUTE_MS + 1, 3)).toThrow(/^S1/u);
    expect(() => requireFreshStamp(stamp, head, v.now, 4)).toThrow(/^S1/u);
    const other = checkStamp(stamp, golden("2"), authority, v.now, 0);
    await expect(other).rejects.toMatchObject(rule("S1"));
  });

  it("R2 every leaf of a roster of any size is proven, and under that root alone", () => {
    for (const count of [1, 2, 3, 5, 13, 256, 300]) {
      const hashes = Array.from({ length: count }, (_, index) => leafHash(utf8(String(index))));
      const root = merkleRoot(hashes);
      for (const index of [0, 1, count >> 1, count - 1].filter((one) => one < count)) {
        const reader = new Reader(merklePath(hashes, index), "R2");
        expect(climb(hashes[index] as Bytes, reader)).toEqual(root);
        reader.end();
      }
    }
    const leaves = Array.from({ length: 40 }, (_, index) => ({
      cell: hash(utf8(`cell ${String(index % 7)}`)).slice(0, 16),
      person: hash(utf8(`person ${String(index)}`)).slice(0, 16),
      device: hash(utf8(`device ${String(index)}`)),
      ...{ historyFrom: index, rights: 1 },
    }));
    const tree = rosterTree(leaves, () => 2);
    expect(tree.lines.length).toBe(7);
    const head = { root: tree.root, epoch: 2, latestHistoryFrom: tree.latestHistoryFrom };
    for (const leaf of leaves) {
      const proof = tree.prove(leaf);
      const { leaf: found, line } = checkProof(head, idOf(leaf.device), proof, "R2");
      expect([found.historyFrom, line.rekeyEpoch]).toEqual([leaf.historyFrom, 2]);
      const other = { ...head, root: ZEROS };
      expect(() => checkProof(other, idOf(leaf.device), proof, "R2")).toThrow(/^R2/u);
      expect(() => checkProof({ ...head, epoch: 1 }, idOf(leaf.device), proof, "H1")).toThrow(
        /^H1/u,
      );
      const early = { ...head, latestHistoryFrom: leaf.historyFrom - 1 };
      expect(() => checkProof(early, idOf(leaf.device), proof, "R2")).toThrow(/begins later/u);
    }
  });
});

describe("keys to use", () => {
  it("S2 chooses by roster epoch, created and key id", async () => {
    const using = await sending();
    const record = ConversationKeyFormat.parse(hex(at(v.conversation_keys, "2").record));
    const make = (created: number, secret: number): Promise<ConversationKey> =>
      makeConversationKey(
        { ...record, nowMs: created, headCreated: 0, secret: new Uint8Array(32).fill(secret) },
        seed(v, "c"),
      );
    const [old, one, other] = [
      await make(v.now - DAY_MS, 1),
      await make(v.now - 1, 2),
      await make(v.now - 1, 3),
    ];
    const former = ConversationKeyFormat.parse(hex(at(v.conversation_keys, "1").record));
    const [lower, higher] = [one, other].sort((a, b) => (toHex(a.hash) < toHex(b.hash) ? -1 : 1));
    const ordered = [former, old, one, other].sort(newestKeyFirst);
    expect(ordered).toEqual([higher, lower, old, former]);
    await requireUsableKey(one, using, 9_999);
    await expect(requireUsableKey(one, using, 10_000)).rejects.toMatchObject(rule("S2"));
    await expect(requireUsableKey(former, using, 0)).rejects.toMatchObject(rule("S2"));
  });

  it("S2 a key made before a removal is not used, whoever wrote it", async () => {
    const record = ConversationKeyFormat.parse(hex(at(v.conversation_keys, "2").record));
    await requireUsableKey(record, await sending(), 9_999);
    const newest = await next(golden("3"), { rekeyEpoch: 4 });
    const later = requireUsableKey(record, await sending({ newest }), 0);
    await expect(later).rejects.toMatchObject(rule("S2"));
  });

  it("S4 a cell key serves for 7 days and under the newest head's KEM alone", async () => {
    const key = CellKeyFormat.parse(hex(at(v.cell_keys, "1").record));
    await requireUsableCellKey(key, await sending());
    const old = sending({ nowMs: key.created + 7 * DAY_MS });
    await expect(requireUsableCellKey(key, await old)).rejects.toMatchObject(rule("S4"));
    const newest = await next(golden("3"), { kem: XWING, rekeyEpoch: 4 });
    const risen = requireUsableCellKey(key, await sending({ newest }));
    await expect(risen).rejects.toMatchObject(rule("S4"));
  });
});

describe("an author of several cells", () => {
  it("S3 seals to its own cell first, and to as many cells as one request has room for", () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => String(index) as CellId);
    const own = ids.at(-1) as CellId;
    const cellKey = CellKeyFormat.parse(hex(at(v.cell_keys, "1").record));
    const usable = new Map(ids.map((id) => [id, { ...cellKey }]));
    const { targets } = withinOneRequest(usable, own, XWING);
    expect(targets[0]).toBe(usable.get(own));
    const sealed = 16 + ENC_BYTES[XWING] + 48;
    expect(targets.length * sealed).toBeLessThanOrEqual(MAX_SEALS_BYTES);
    expect((targets.length + 1) * sealed).toBeGreaterThan(MAX_SEALS_BYTES);
  });
});
