/** The vault over SQLite, by a Node that has it: tests/bot/test_storage.py runs this with the bot's. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AttachmentId } from "../ids.ts";
import type { Secret } from "./sqlite.ts";
import { Vault, type Change } from "./vault.ts";

const FILE = "x" as AttachmentId;
const KEY = new Uint8Array(32).fill(7);
const HAS_SQLITE = Number(process.versions.node.split(".")[0]) >= 24;
let folder: string;
let path: string;
let vault: Vault;

async function vaultOf(secret: Secret = KEY): Promise<Vault> {
  const { sqliteStorage } = await import("./sqlite.ts");
  return new Vault({ name: "test", now: Date.now, storage: sqliteStorage(path, secret) });
}

function put(key: string, value: unknown, extra: Partial<Change & { op: "put" }> = {}): Change {
  return { op: "put", store: "messages", key, value, ...extra };
}

async function again(secret: Secret = KEY): Promise<void> {
  vault.close();
  vault = await vaultOf(secret);
  await vault.open();
}

describe.runIf(HAS_SQLITE)("a vault in a file", () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "vault-"));
    path = join(folder, "test.bot");
    vault = await vaultOf();
    await vault.open();
  });

  afterEach(() => {
    vault.close();
    rmSync(folder, { recursive: true });
  });

  it("gives back what was put, after a restart too, and nothing after a delete", async () => {
    const value = { text: "పోలీసు", bytes: new Uint8Array([1, 2]), n: 2 ** 40 };
    await vault.write([
      put("a", value),
      { op: "put_chunk", attachmentId: FILE, index: 3, bytes: new Uint8Array(5) },
    ]);
    await again();
    expect(await vault.get("messages", "a")).toEqual(value);
    expect(await vault.getMany("messages", ["b", "a"])).toEqual([null, value]);
    expect(await vault.chunkIndexes(FILE)).toEqual([3]);
    expect(await vault.chunk(FILE, 3)).toEqual(new Uint8Array(5));
    await vault.write([
      { op: "delete", store: "messages", key: "a" },
      { op: "delete_chunks", attachmentId: FILE },
    ]);
    await again();
    expect(await vault.get("messages", "a")).toBeNull();
    expect(await vault.chunk(FILE, 3)).toBeNull();
  });

  it("pages a group in both directions without touching other groups", async () => {
    const changes = Array.from({ length: 30 }, (_, i) =>
      put(`m${String(i)}`, { i }, { group: i % 3 === 0 ? "one" : "two", order: i + 0.5 }),
    );
    await vault.write(changes);
    const query = { store: "messages", group: "one", limit: 3 };
    const those = async (bounds: object): Promise<readonly number[]> =>
      (await vault.page<{ i: number }>({ ...query, descending: true, ...bounds })).map(
        ({ i }) => i,
      );
    expect(await those({})).toEqual([27, 24, 21]);
    expect(await those({ below: 21.5 })).toEqual([18, 15, 12]);
    expect(await those({ above: 3.5, descending: false })).toEqual([6, 9, 12]);
    expect(await those({ limit: Number.MAX_SAFE_INTEGER })).toHaveLength(10);
    await vault.write([{ op: "delete_group", store: "messages", group: "one" }]);
    expect(await those({})).toEqual([]);
    expect(await vault.all("messages")).toHaveLength(20);
  });

  it("writes all or nothing", async () => {
    await vault.write([put("a", "old")]);
    const bad = {
      op: "put_chunk",
      attachmentId: FILE,
      index: 0,
      bytes: "no bytes" as never,
    } as const;
    const nobody = { ...bad, index: Symbol("no number") as never };
    await expect(vault.write([put("a", "new"), bad, nobody])).rejects.toMatchObject({
      code: "storage_failed",
    });
    expect(await vault.get("messages", "a")).toBe("old");
    expect(await vault.chunkIndexes(FILE)).toEqual([]);
    await vault.write([put("a", "new")]);
    expect(await vault.get("messages", "a")).toBe("new");
  });

  it("rests nothing readable, in files that their owner alone can read", async () => {
    await vault.write([
      put("message-4711", { text: "cordon at Charminar" }, { group: "conversation-99", order: 7 }),
    ]);
    for (const end of ["", "-wal"]) {
      expect(statSync(path + end).mode & 0o077).toBe(0);
      const raw = readFileSync(path + end).toString("latin1");
      for (const secret of ["cordon", "Charminar", "message-4711", "conversation-99"])
        expect(raw).not.toContain(secret);
    }
  });

  it("opens with its own secret alone, a key or words", async () => {
    await vault.write([put("a", 1)]);
    await expect(again(new Uint8Array(32).fill(8))).rejects.toMatchObject({
      details: { reason: "OperationError" },
    });
    await expect(again("patrol car at Madina")).rejects.toMatchObject({ code: "storage_failed" });
    await again();
    expect(await vault.get("messages", "a")).toBe(1);
    await vault.wipe();
    await again("patrol car at Madina");
    await vault.write([put("a", 2)]);
    await again("patrol car at Madina");
    expect(await vault.get("messages", "a")).toBe(2);
    await expect(again()).rejects.toMatchObject({ code: "storage_failed" });
  });

  it("is used by one at a time, and is a vault", async () => {
    const second = await vaultOf();
    await expect(second.open()).rejects.toMatchObject({ details: { reason: "in_use" } });
    vault.close();
    await second.open();
    second.close();
    path = join(folder, "text");
    const { writeFileSync } = await import("node:fs");
    writeFileSync(path, "not a database, and long enough to have a header of one".repeat(20));
    await expect((await vaultOf()).open()).rejects.toMatchObject({
      details: { reason: "not_a_vault" },
    });
  });

  it("knows a record that was moved to another key", async () => {
    await vault.write([put("a", "one"), put("b", "two")]);
    vault.close();
    const { DatabaseSync } = await import("node:sqlite");
    const file = new DatabaseSync(path, { timeout: 0 });
    file.exec("UPDATE records SET d = (SELECT d FROM records ORDER BY k LIMIT 1)");
    file.close();
    await again();
    const read = await Promise.allSettled(["a", "b"].map((key) => vault.get("messages", key)));
    expect(read.filter(({ status }) => status === "rejected")).toHaveLength(1);
  });

  it("leaves nothing of what is wiped, and begins anew", async () => {
    await vault.write([put("a", 1)]);
    await vault.wipe();
    expect(existsSync(path)).toBe(false);
    await vault.open();
    expect(await vault.get("messages", "a")).toBeNull();
    await vault.write([put("a", 2)]);
    chmodSync(path, 0o600);
    await again();
    expect(await vault.get("messages", "a")).toBe(2);
  });

  it("does not grow by what is written and deleted again and again", async () => {
    const bytes = new Uint8Array(200_000);
    const round = async (): Promise<number> => {
      await vault.write([put("a", bytes)]);
      await vault.write([{ op: "delete", store: "messages", key: "a" }]);
      await again();
      return statSync(path).size;
    };
    await round();
    const size = await round();
    for (let i = 0; i < 10; i++) expect(await round()).toBe(size);
  });
});
