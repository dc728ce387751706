import type { AttachmentId } from "../ids.ts";
import { IDBDatabase, IDBFactory, IDBObjectStore, forceCloseDatabase } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { deleteDB, openDB } from "idb";
import { createKey, measuredCost, newDeviceKey, rewrapKey, unlockKey } from "./data-key.ts";
import type { KeyRecord, PinRecord } from "./data-key.ts";
import { Vault, isDamaged, type Change, type HandedKeys } from "./vault.ts";
import { openSchema } from "./schema.ts";

const FILE = "x" as AttachmentId;
const CHEAP = { memoryKiB: 64, passes: 1 };
const ignore = (): void => undefined;
let now = 1_000_000;
let vault: Vault;

function put(key: string, value: unknown, extra: Partial<Change & { op: "put" }> = {}): Change {
  return { op: "put", store: "messages", key, value, ...extra };
}

/** Everything the raw database holds, as one searchable text. */
async function rawText(): Promise<string> {
  const database = await openDB("test");
  const parts: string[] = [];
  const show = (value: unknown): string => {
    if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
    if (value instanceof CryptoKey) return value.extractable ? "EXTRACTABLE KEY" : "";
    if (Array.isArray(value)) return value.map(show).join(" ");
    if (typeof value === "object" && value !== null) {
      return Object.entries(value)
        .map(([name, one]) => `${name}=${show(one)}`)
        .join(" ");
    }
    return String(value);
  };
  for (const store of database.objectStoreNames) {
    for (const key of await database.getAllKeys(store)) parts.push(show(key));
    for (const value of await database.getAll(store)) parts.push(show(value));
  }
  database.close();
  return parts.join("\n");
}

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  now = 1_000_000;
  vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
  await vault.open();
});

afterEach(() => vault.close());

describe("records", () => {
  it("reads a hundred records that are asked for at once in few transactions", async () => {
    const names = Array.from({ length: 100 }, (_, index) => `m${String(index)}`);
    await vault.write(names.map((name) => put(name, { name })));
    const opened = vi.spyOn(IDBDatabase.prototype, "transaction");
    const read = names.map((name) => vault.get<{ name: string }>("messages", name));
    expect((await Promise.all(read)).map((one) => one?.name)).toEqual(names);
    expect(await vault.get("messages", "another")).toBeNull();
    expect(opened.mock.calls.length).toBeLessThan(10);
    opened.mockRestore();
  });

  it("gives back what was put, and nothing after a delete", async () => {
    await vault.write([put("a", { text: "పోలీసు", bytes: new Uint8Array([1, 2]), n: 2 ** 40 })]);
    expect(await vault.get("messages", "a")).toEqual({
      text: "పోలీసు",
      bytes: new Uint8Array([1, 2]),
      n: 2 ** 40,
    });
    await vault.write([{ op: "delete", store: "messages", key: "a" }]);
    expect(await vault.get("messages", "a")).toBeNull();
  });

  it("pages a group in both directions without touching other groups", async () => {
    const changes = Array.from({ length: 30 }, (_, i) =>
      put(`m${i}`, { i }, { group: i % 3 === 0 ? "one" : "two", order: i }),
    );
    await vault.write(changes);
    const query = { store: "messages", group: "one", limit: 3 };
    const newest = await vault.page<{ i: number }>({ ...query, descending: true });
    expect(newest.map(({ i }) => i)).toEqual([27, 24, 21]);
    const older = await vault.page<{ i: number }>({ ...query, below: 21, descending: true });
    expect(older.map(({ i }) => i)).toEqual([18, 15, 12]);
    const rising = await vault.page<{ i: number }>({ ...query, above: 3, descending: false });
    expect(rising.map(({ i }) => i)).toEqual([6, 9, 12]);
    await vault.write([{ op: "delete_group", store: "messages", group: "one" }]);
    expect(await vault.page({ ...query, descending: true })).toEqual([]);
    expect(await vault.page({ ...query, group: "two", limit: 99, descending: true })).toHaveLength(
      20,
    );
  });

  it("survives a restart", async () => {
    await vault.write([
      put("a", 1),
      { op: "put_chunk", attachmentId: FILE, index: 3, bytes: new Uint8Array(5) },
    ]);
    vault.close();
    vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
    expect(await vault.open()).toBe("open");
    expect(await vault.get("messages", "a")).toBe(1);
    expect(await vault.chunkIndexes(FILE)).toEqual([3]);
  });

  it("writes all or nothing: a transaction that fails midway leaves no trace", async () => {
    await vault.write([put("state", "old")]);
    const original = IDBObjectStore.prototype.put;
    let calls = 0;
    IDBObjectStore.prototype.put = function (...values) {
      if (++calls === 3) throw new DOMException("full", "QuotaExceededError");
      return original.apply(this, values);
    };
    try {
      const changes = [put("state", "new"), put("m1", 1), put("m2", 2)];
      await expect(vault.write(changes)).rejects.toMatchObject({
        code: "storage_failed",
        retry: true,
      });
    } finally {
      IDBObjectStore.prototype.put = original;
    }
    expect(await vault.get("messages", "state")).toBe("old");
    expect(await vault.get("messages", "m1")).toBeNull();
    await vault.write([put("m1", 1)]);
    expect(await vault.get("messages", "m1")).toBe(1);
  });

  it("rests nothing readable: neither contents nor names nor an extractable key", async () => {
    await vault.write([
      put("message-4711", { text: "cordon at Charminar" }, { group: "conversation-99", order: 7 }),
    ]);
    const raw = await rawText();
    expect(raw.length).toBeGreaterThan(100);
    for (const secret of [
      "cordon",
      "Charminar",
      "message-4711",
      "conversation-99",
      "EXTRACTABLE",
    ]) {
      expect(raw).not.toContain(secret);
    }
  });

  it("refuses a record that was moved to another key or changed", async () => {
    await vault.write([put("a", "one"), put("b", "two")]);
    vault.close();
    const database = await openDB("test");
    const [first, second] = (await database.getAll("records")) as [
      { d: Uint8Array },
      { d: Uint8Array },
    ];
    await database.put("records", { ...first, d: second.d });
    database.close();
    vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
    await vault.open();
    const results = await Promise.allSettled([
      vault.get("messages", "a"),
      vault.get("messages", "b"),
    ]);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
  });

  it("knows a record whose bits have flipped, wherever, and still reads the others", async () => {
    const group = { group: "g" };
    await vault.write([1, 2, 3, 4].map((n) => put(`m${n}`, { n }, { ...group, order: n })));
    const database = await openDB("test");
    const rows = (await database.getAll("records")) as { o: number; d: Uint8Array }[];
    const row = rows.find(({ o }) => o === 2);
    if (row === undefined) throw new Error("no row");
    const page = { store: "messages", group: "g", limit: 2 };
    for (let at = 0; at < row.d.length; at++) {
      const d = row.d.slice();
      d[at] = (d[at] ?? 0) ^ 1;
      await database.put("records", { ...row, d });
      const error: unknown = await vault.get("messages", "m2").catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "storage_failed" });
      expect(isDamaged(error)).toBe(true);
      const all = await vault.all<{ n: number }>("messages");
      expect(all.map(({ n }) => n).sort()).toEqual([1, 3, 4]);
      expect(await vault.page({ ...page, descending: true })).toEqual([{ n: 4 }, { n: 3 }]);
      expect(await vault.page({ ...page, descending: false })).toEqual([{ n: 1 }, { n: 3 }]);
    }
    expect(isDamaged(await vault.get("chunks", "x").catch((thrown: unknown) => thrown))).toBe(
      false,
    );
    database.close();
  });
});

describe("app lock", () => {
  it("locks, and opens with the right PIN only", async () => {
    await vault.write([put("a", 1)]);
    await vault.setPin("471100", null);
    await vault.lock();
    await expect(vault.get("messages", "a")).rejects.toMatchObject({ code: "locked" });
    await expect(vault.unlock("4712")).rejects.toMatchObject({
      code: "pin_wrong",
      details: { triesLeft: 9 },
    });
    await vault.unlock("471100");
    expect(await vault.get("messages", "a")).toBe(1);
    expect(vault.triesLeft).toBeNull();
  });

  it("opens by the keys of an unlock in another tab, until that has ended", async () => {
    await vault.write([put("a", 1)]);
    expect(vault.handedKeys).toBeNull();
    await vault.setPin("471100", null);
    const taken = async (handed: HandedKeys | null): Promise<string> => {
      vault.close();
      vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
      return vault.open(handed);
    };
    const first = structuredClone(vault.handedKeys);
    expect(Object.values(first?.keys ?? {}).some(({ extractable }) => extractable)).toBe(false);
    expect(await taken(first)).toBe("open");
    expect(await vault.get("messages", "a")).toBe(1);
    // A tab that asks for none of it starts locked, and the keys alone change nothing there.
    expect(await taken(null)).toBe("locked");
    expect(await taken(first)).toBe("open");
    await vault.lock();
    expect(vault.handedKeys).toBeNull();
    expect(await taken(first)).toBe("locked");
    await vault.unlock("471100");
    const second = vault.handedKeys;
    expect(await taken(first)).toBe("locked");
    expect(await taken(second)).toBe("open");
    await vault.setPin("123456", "471100");
    expect(await taken(second)).toBe("open");
    await vault.wipe();
    await vault.open();
    await vault.setPin("471100", null);
    expect(await taken(second)).toBe("locked");
  });

  it("changes and removes the PIN only for who knows it", async () => {
    await vault.setPin("471100", null);
    await expect(vault.setPin(null, "000000")).rejects.toMatchObject({ code: "pin_wrong" });
    await vault.setPin("123456", "471100");
    await vault.lock();
    await expect(vault.unlock("471100")).rejects.toMatchObject({ code: "pin_wrong" });
    await vault.unlock("123456");
    await vault.setPin(null, "123456");
    expect(vault.hasPin).toBe(false);
    vault.close();
    vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
    expect(await vault.open()).toBe("open");
  });

  it("takes a passphrase, and says that it is one, also after a restart", async () => {
    await vault.write([put("a", 1)]);
    expect(vault.lockedBy).toBeNull();
    await vault.setPin("monsoon lantern tiger 9", null);
    expect(vault.lockedBy).toBe("passphrase");
    vault.close();
    vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
    expect(await vault.open()).toBe("locked");
    expect(vault.lockedBy).toBe("passphrase");
    await expect(vault.unlock("monsoon lantern tiger")).rejects.toMatchObject({
      code: "pin_wrong",
    });
    await vault.unlock("monsoon lantern tiger 9");
    expect(await vault.get("messages", "a")).toBe(1);
    await vault.setPin("471100", "monsoon lantern tiger 9");
    expect(vault.lockedBy).toBe("pin");
  });

  it.each([
    [100, 10],
    [700, 2],
    [5, 64],
  ])(
    "costs a guess about a second on this device: one pass in %i ms",
    async (onePassMs, passes) => {
      const times = [0, onePassMs];
      const cost = await measuredCost(1_000, () => times.shift() ?? NaN);
      expect(cost).toEqual({ memoryKiB: 32 * 1024, passes });
      // It is kept beside the wrapped key, which unlocks by it.
      const record = await createKey(await newDeviceKey());
      const cheap = { ...cost, memoryKiB: CHEAP.memoryKiB };
      const wanted = { text: "471100", passphrase: false, cost: cheap };
      const wrapped = (await rewrapKey(record, null, wanted)) as KeyRecord;
      expect(wrapped.pin).toMatchObject(cheap);
      expect(await unlockKey(wrapped, "471100")).not.toBeNull();
      expect(
        await unlockKey({ ...wrapped, pin: { ...wrapped.pin, passes: 1 } as PinRecord }, "471100"),
      ).toBeNull();
    },
  );

  it.each(["47110", "4711004711004", "47110x", "eleven char"])(
    "takes no PIN of %s",
    async (pin) => {
      await expect(vault.setPin(pin, null)).rejects.toMatchObject({ code: "pin_invalid" });
      expect(vault.hasPin).toBe(false);
    },
  );

  it("delays more with every wrong PIN, counts across restarts, and wipes at ten", async () => {
    await vault.write([put("a", 1)]);
    await vault.setPin("471100", null);
    await vault.lock();
    for (let tries = 1; tries < 10; tries++) {
      await expect(vault.unlock("000000")).rejects.toMatchObject({ code: "pin_wrong" });
      expect(vault.triesLeft).toBe(10 - tries);
      if (tries >= 3) {
        await expect(vault.unlock("471100")).rejects.toMatchObject({ code: "pin_wait" });
      }
      now += 600_000;
      if (tries === 5) {
        vault.close();
        vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
        expect(await vault.open()).toBe("locked");
      }
    }
    await expect(vault.unlock("000000")).rejects.toMatchObject({
      code: "pin_wrong",
      details: { triesLeft: 0 },
    });
    vault = new Vault({ name: "test", now: () => now, pinCost: CHEAP });
    expect(await vault.open()).toBe("open");
    expect(await vault.get("messages", "a")).toBeNull();
  });

  it("rests no PIN and no usable key once a PIN is set", async () => {
    await vault.setPin("739151", null);
    const raw = await rawText();
    expect(raw).not.toContain("739151");
    expect(raw).not.toContain("EXTRACTABLE");
  });
});

describe("migration", () => {
  it("runs only the missing steps", async () => {
    await vault.write([put("a", 1)]);
    vault.close();
    const ran: number[] = [];
    const steps = [
      () => ran.push(0),
      () => ran.push(1),
      (database: { createObjectStore(name: string): unknown }) => {
        ran.push(2);
        database.createObjectStore("later");
      },
    ];
    const database = await openSchema("test", { lost: ignore, taken: ignore }, steps as never);
    expect(ran).toEqual([1, 2]);
    expect(await database.count("records")).toBe(1);
    database.close();
  });
});

describe("a lost connection", () => {
  /** The connection that the vault uses now. */
  async function connection(): Promise<IDBDatabase> {
    const found: IDBDatabase[] = [];
    const original = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...values) {
      found.push(this);
      return original.apply(this, values);
    };
    try {
      await vault.get("messages", "a");
    } finally {
      IDBDatabase.prototype.transaction = original;
    }
    const [database] = found;
    if (database === undefined) throw new Error("no connection");
    return database;
  }

  it.each([
    ["says so", (database: IDBDatabase) => forceCloseDatabase(database as never)],
    ["says nothing", (database: IDBDatabase) => database.close()],
  ])("is opened again by the next transaction, and stays unlocked: it %s", async (_, lose) => {
    let closed = 0;
    vault.onClosed = () => void (closed += 1);
    await vault.setPin("471100", null);
    await vault.write([put("a", 1)]);
    for (const value of [2, 3]) {
      lose(await connection());
      await vault.write([put("a", value)]);
      lose(await connection());
      expect(await vault.get("messages", "a")).toBe(value);
      expect(vault.state).toBe("open");
    }
    await vault.lock();
    lose(await connectionOfLocked());
    await vault.unlock("471100");
    expect(await vault.all("messages")).toEqual([3]);
    expect(closed).toBe(0);
  });

  async function connectionOfLocked(): Promise<IDBDatabase> {
    await vault.unlock("471100");
    const database = await connection();
    await vault.lock();
    return database;
  }

  it("is opened once for all who wait, and what was being written is written", async () => {
    const database = await connection();
    const written = Array.from({ length: 20 }, (_, i) => vault.write([put(`m${String(i)}`, i)]));
    await new Promise((resolve) => setTimeout(resolve, 1));
    forceCloseDatabase(database as never);
    await Promise.all(written);
    const all = await vault.all<number>("messages");
    expect(all.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("is tried again later where it cannot be opened now", async () => {
    await vault.write([put("a", 1)]);
    forceCloseDatabase((await connection()) as never);
    const original = IDBFactory.prototype.open;
    IDBFactory.prototype.open = () => {
      throw new DOMException("the disk sleeps", "UnknownError");
    };
    try {
      await expect(vault.get("messages", "a")).rejects.toMatchObject({ code: "storage_failed" });
    } finally {
      IDBFactory.prototype.open = original;
    }
    expect(await vault.get("messages", "a")).toBe(1);
  });

  it.each([
    ["erased", () => deleteDB("test")],
    ["of a newer version", async () => (await openDB("test", 99)).close()],
  ])("is the end of a database that is %s", async (_, take) => {
    await vault.write([put("a", 1)]);
    const closed = new Promise<void>((resolve) => (vault.onClosed = resolve));
    await take();
    await closed;
    expect(vault.state).toBe("closed");
    await expect(vault.get("messages", "a")).rejects.toMatchObject({ code: "storage_failed" });
  });
});
