import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, fromHex, newId, toHex } from "../src/octets.ts";
import { HEAD_BYTES, parseHead, verifyHead } from "../src/roster/head.ts";
import { merkleRoot } from "../src/roster/merkle.ts";
import { RosterRefused } from "../src/roster/refused.ts";
import { RosterCopy } from "../src/roster/roster-copy.ts";
import type { RosterLeaf } from "../src/wire.ts";
import { at } from "./cell-world.ts";
import { Department, newKeyPair, rosterLeaf, type Place } from "./certificates.ts";

interface Vector {
  readonly conversationId: string;
  readonly authority: { readonly publicKey: string };
  readonly emptyRoot: string;
  readonly heads: readonly {
    readonly epoch: number;
    readonly createdMs: number;
    readonly head: string;
    readonly hash: string;
    readonly root: string;
    readonly leaves: readonly { readonly cellId: string; readonly certificateHash: string }[];
  }[];
}

const vector = JSON.parse(
  readFileSync(fileURLToPath(new URL("../../spec/roster_head.json", import.meta.url)), "utf8"),
) as Vector;

function withIds(leaf: { readonly cellId: string; readonly certificateHash: string }): RosterLeaf {
  return { ...leaf, clientId: newId(), personId: newId() };
}

async function code(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RosterRefused)) throw new Error("it was accepted", { cause: error });
  return error.code;
}

describe("golden roster heads", () => {
  test("are read, verified and extended as spec/roster_head.json says", async () => {
    const key = fromHex(vector.authority.publicKey);
    const [one, two] = [at(vector.heads, 0), at(vector.heads, 1)];
    for (const golden of vector.heads) {
      const head = parseHead(fromHex(golden.head));
      await verifyHead(head, key);
      expect(head).toMatchObject({
        conversationId: vector.conversationId,
        epoch: golden.epoch,
        hash: golden.hash,
        root: golden.root,
        leaves: golden.leaves.length,
        createdMs: golden.createdMs,
      });
    }
    expect(toHex(merkleRoot([]))).toBe(vector.emptyRoot);
    const copy = await RosterCopy.open(
      { head: fromHex(one.head), leaves: one.leaves.map(withIds) },
      vector.conversationId,
      key,
    );
    const hashes = (golden: typeof one): Set<string> =>
      new Set(golden.leaves.map((leaf) => leaf.cellId + leaf.certificateHash));
    const next = await copy.apply({
      head: fromHex(two.head),
      added: two.leaves
        .filter((leaf) => !hashes(one).has(leaf.cellId + leaf.certificateHash))
        .map(withIds),
      removed: one.leaves
        .filter((leaf) => !hashes(two).has(leaf.cellId + leaf.certificateHash))
        .map(withIds),
    });
    expect(next.head.hash).toBe(two.hash);
    expect(next.leaves()).toHaveLength(5);
  });
});

describe("Merkle root", () => {
  /** RFC 6962 section 2.1 by pairing neighbours, an odd last node promoted. */
  function byLevels(leaves: readonly Uint8Array[]): Uint8Array {
    let level = leaves.map((leaf) => sha256(concat(Uint8Array.of(0), leaf)));
    if (level.length === 0) return sha256(new Uint8Array());
    while (level.length > 1) {
      const next: Uint8Array[] = [];
      for (let i = 0; i < level.length; i += 2) {
        const [left, right] = [at(level, i), level[i + 1]];
        next.push(right === undefined ? left : sha256(concat(Uint8Array.of(1), left, right)));
      }
      level = next as typeof level;
    }
    return at(level, 0);
  }

  test("agrees with another way to compute it, for any number of leaves", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 48, maxLength: 48 }), { maxLength: 40 }),
        (leaves) => toHex(merkleRoot(leaves)) === toHex(byLevels(leaves)),
      ),
    );
  });
});

describe("this client's copy", () => {
  const conversationId = newId();
  const cellId = newId();

  async function start(): Promise<{
    department: Department;
    places: Place[];
    copy: RosterCopy;
    signed: ReturnType<Department["signRoster"]>;
  }> {
    const department = new Department();
    const places = [1, 2, 3].map(() => ({ cellId, client: department.device() }));
    const signed = department.signRoster(conversationId, places, null);
    const copy = await RosterCopy.open(signed, conversationId, department.roster.publicKey);
    return { department, places, copy, signed };
  }

  test("names whom the signed roster names, for that cell", async () => {
    const { places, copy } = await start();
    const { client } = at(places, 0);
    expect(copy.names(cellId, client.certificateHash)).toBe(true);
    expect(copy.names(newId(), client.certificateHash)).toBe(false);
    expect(copy.names(cellId, "0".repeat(64))).toBe(false);
  });

  test("M1: applies a change, is stored and opened again, and walks back", async () => {
    const { department, places, copy, signed } = await start();
    const joiner = { cellId, client: department.device() };
    const next = department.signRoster(conversationId, [...places.slice(1), joiner], signed);
    const change = {
      head: next.head,
      added: [rosterLeaf(joiner)],
      removed: [rosterLeaf(at(places, 0))],
    };
    const after = await copy.apply(change);
    expect(after.names(cellId, joiner.client.certificateHash)).toBe(true);
    expect(after.names(cellId, at(places, 0).client.certificateHash)).toBe(false);
    expect(await after.apply(change)).toBe(after);
    const again = await RosterCopy.open(
      after.toRecord(),
      conversationId,
      department.roster.publicKey,
    );
    expect(again.leaves()).toEqual(after.leaves());
    const back = await again.rewind(change, signed.head);
    expect(back.leaves()).toEqual(copy.leaves());
    expect(await code(back.rewind(change, signed.head))).toBe("not_an_extension");
    expect(await code(again.rewind({ ...change, removed: [] }, signed.head))).toBe("root_mismatch");
  });

  test("M1: refuses what the roster authority did not sign, and every other lie", async () => {
    const { department, places, copy, signed } = await start();
    const key = department.roster.publicKey;
    const joiner = { cellId, client: department.device() };
    const all = [...places, joiner];
    const next = department.signRoster(conversationId, all, signed);
    const added = [rosterLeaf(joiner)];

    const flipped = next.head.slice();
    flipped[70] = (flipped[70] as number) ^ 1;
    expect(await code(copy.apply({ head: flipped, added, removed: [] }))).toBe("bad_signature");
    expect(await code(RosterCopy.open(signed, conversationId, newKeyPair().publicKey))).toBe(
      "bad_signature",
    );
    expect(await code(RosterCopy.open(signed, newId(), key))).toBe("wrong_conversation");
    expect(await code(copy.apply({ head: next.head, added: [], removed: [] }))).toBe(
      "root_mismatch",
    );
    const ghost = rosterLeaf({ cellId, client: department.device() });
    expect(await code(copy.apply({ head: next.head, added: [...added, ghost], removed: [] }))).toBe(
      "root_mismatch",
    );
    expect(await code(copy.apply({ head: next.head, added, removed: [ghost] }))).toBe(
      "root_mismatch",
    );
    const fork = department.signRoster(conversationId, all, null);
    expect(await code(copy.apply({ head: fork.head, added, removed: [] }))).toBe("fork");
    const skipped = department.signRoster(conversationId, places, next);
    expect(await code(copy.apply({ head: skipped.head, added: [], removed: [] }))).toBe(
      "not_an_extension",
    );
    const elsewhere = department.signRoster(conversationId, all, { ...fork, epoch: 1 });
    expect(await code(copy.apply({ head: elsewhere.head, added, removed: [] }))).toBe(
      "not_an_extension",
    );
    const leaves = [...signed.leaves, at(signed.leaves, 0)];
    expect(await code(RosterCopy.open({ ...signed, leaves }, conversationId, key))).toBe(
      "malformed",
    );
  });

  test("refuses any bytes that are no head, with a documented error", async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2 * HEAD_BYTES }), (bytes) => {
        try {
          const head = parseHead(bytes);
          return head.bytes.length === HEAD_BYTES;
        } catch (error) {
          return error instanceof RosterRefused && error.code === "malformed";
        }
      }),
    );
    const golden = fromHex(at(vector.heads, 1).head);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(HEAD_BYTES - 1),
        fc.integer({ min: 1, max: 255 }),
        async (index, change) => {
          const bytes = golden.slice();
          bytes[index] = (bytes[index] as number) ^ change;
          try {
            await verifyHead(parseHead(bytes), fromHex(vector.authority.publicKey));
            return false;
          } catch (error) {
            return error instanceof RosterRefused;
          }
        },
      ),
    );
  });
});
