/** The vault's database in a browser: IndexedDB. */
import { deleteDB } from "idb";
import type { Bytes } from "../octets.ts";
import { newDeviceKey, type KeyRecord } from "./data-key.ts";
import type { Database, RowQuery, WriteStep, Storage } from "./database.ts";
import { openSchema, type StoredRow, type VaultDatabase } from "./schema.ts";

const KEY_ROW = "data";
/** IndexedDB counts in 32 bits. */
const MOST_ROWS = 2 ** 32 - 1;

export function indexedStorage(name: string): Storage {
  return {
    async open(listener) {
      const opened = await openSchema(name, {
        lost: () => {
          listener.lost(database);
        },
        taken: () => {
          listener.taken(database);
        },
      });
      const database = new IndexedDatabase(opened);
      return database;
    },
    erase: () => deleteDB(name),
  };
}

/** Rows that a caller waits for. */
interface RowsRead {
  readonly store: string;
  readonly keys: readonly string[];
  readonly resolve: (rows: readonly (StoredRow | undefined)[]) => void;
  readonly reject: (error: unknown) => void;
}

class IndexedDatabase implements Database {
  readonly #database: VaultDatabase;
  /** Reads that share the next transaction: opening one costs as much as reading ten rows. */
  #waiting: RowsRead[] = [];
  #reading = false;

  constructor(database: VaultDatabase) {
    this.#database = database;
  }

  deviceKey(): Promise<CryptoKey> {
    return newDeviceKey();
  }

  async key(): Promise<KeyRecord | null> {
    return (await this.#database.get("key", KEY_ROW)) ?? null;
  }

  async addKey(record: KeyRecord): Promise<void> {
    // Two tabs may both find nothing: one wins.
    await this.#database.add("key", record, KEY_ROW).catch(() => undefined);
  }

  async changeKey(change: (record: KeyRecord | null) => KeyRecord): Promise<KeyRecord> {
    const { store } = this.#database.transaction("key", "readwrite");
    const next = change((await store.get(KEY_ROW)) ?? null);
    await store.put(next, KEY_ROW);
    return next;
  }

  clearKey(): Promise<void> {
    return this.#database.clear("key");
  }

  rows(store: string, keys: readonly string[]): Promise<readonly (StoredRow | undefined)[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ store, keys, resolve, reject });
      if (!this.#reading) void this.#read();
    });
  }

  async #read(): Promise<void> {
    this.#reading = true;
    while (this.#waiting.length > 0) {
      const together = this.#waiting;
      this.#waiting = [];
      try {
        const { store: records } = this.#database.transaction("records");
        const found = await Promise.all(
          together.map(({ store, keys }) =>
            Promise.all(keys.map((key) => records.get([store, key]))),
          ),
        );
        for (const [index, { resolve }] of together.entries()) resolve(found[index] ?? []);
      } catch (error) {
        for (const { reject } of together) reject(error);
      }
    }
    this.#reading = false;
  }

  all(store: string): Promise<readonly StoredRow[]> {
    return this.#database.getAll("records", IDBKeyRange.bound([store], [store, []]));
  }

  async page(query: RowQuery): Promise<readonly StoredRow[]> {
    const { store, group, above, below, limit } = query;
    const range = IDBKeyRange.bound(
      [store, group, above ?? -Infinity],
      [store, group, below ?? Infinity],
      above !== undefined,
      below !== undefined,
    );
    const index = this.#database.transaction("records").store.index("by_group");
    // A cursor answers row by row, but it alone goes down.
    if (!query.descending) return index.getAll(range, Math.min(limit, MOST_ROWS));
    const found: StoredRow[] = [];
    let cursor = await index.openCursor(range, "prev");
    while (cursor !== null && found.length < limit) {
      found.push(cursor.value);
      cursor = found.length < limit ? await cursor.continue() : null;
    }
    return found;
  }

  async chunk(key: string, index: number): Promise<Bytes | null> {
    return (await this.#database.get("chunks", [key, index])) ?? null;
  }

  async chunkIndexes(key: string): Promise<readonly number[]> {
    const range = IDBKeyRange.bound([key], [key, []]);
    const found = await this.#database.getAllKeys("chunks", range);
    return found.map(([, index]) => index);
  }

  async write(steps: readonly WriteStep[], strict: boolean): Promise<void> {
    const transaction = this.#database.transaction(["records", "chunks"], "readwrite", {
      durability: strict ? "strict" : "relaxed",
    });
    const pending: Promise<unknown>[] = [];
    try {
      const records = transaction.objectStore("records");
      const chunks = transaction.objectStore("chunks");
      for (const step of steps) {
        switch (step.op) {
          case "put":
            pending.push(records.put(step.row));
            break;
          case "delete":
            pending.push(records.delete([step.store, step.key]));
            break;
          case "delete_group": {
            const range = IDBKeyRange.bound([step.store, step.group], [step.store, step.group, []]);
            let cursor = await records.index("by_group").openCursor(range);
            while (cursor !== null) {
              pending.push(cursor.delete());
              cursor = await cursor.continue();
            }
            break;
          }
          case "put_chunk":
            pending.push(chunks.put(step.bytes, [step.key, step.index]));
            break;
          case "delete_chunks":
            pending.push(chunks.delete(IDBKeyRange.bound([step.key], [step.key, []])));
        }
      }
      await Promise.all([...pending, transaction.done]);
    } catch (error) {
      for (const request of [...pending, transaction.done]) request.catch(() => undefined);
      try {
        transaction.abort();
      } catch {
        // The browser has aborted the transaction already.
      }
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}
