/**
 * The vault's database under Node: one SQLite file, for a device that a program runs.
 *
 * The device key is derived from a secret that the file lacks: the 32 bytes of a key file (HKDF), or a
 * passphrase (Argon2id). One process at a time: SQLite's exclusive lock is held while the
 * file is open, and ends with the process. Crashes: a write-ahead log with full synchronisation; what
 * a transaction wrote is whole or absent. Deleted rows are overwritten, and their place is used again.
 */
import { closeSync, openSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { decode, encode } from "@msgpack/msgpack";
import { copy, randomBytes, utf8, type Bytes } from "../octets.ts";
import { derive, type KeyRecord } from "./data-key.ts";
import type { Database, RowQuery, WriteStep, Storage } from "./database.ts";
import type { StoredRow } from "./schema.ts";

/** The bytes of a key file, or the words of a passphrase. */
export type Secret = Bytes | string;

const FORMAT = 1;
const SALT_BYTES = 16;
const BUSY_MS = 200;
const BUSY = 5;
const FULL = 13;
/** Argon2id's, for words: half a second on a small server. */
const COST = { memoryKiB: 64 * 1024, passes: 4 } as const;
const LABEL = "copconnect device file v1";
const TABLES = `
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS records (
  s TEXT NOT NULL, k TEXT NOT NULL, g TEXT NOT NULL, o REAL NOT NULL, d BLOB NOT NULL,
  PRIMARY KEY (s, k)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS records_by_group ON records (s, g, o);
CREATE TABLE IF NOT EXISTS chunks (
  k TEXT NOT NULL, i INTEGER NOT NULL, d BLOB NOT NULL, PRIMARY KEY (k, i)
);
`;

/** Why a file cannot be used; the name crosses the vault as `details.reason`. */
export class FileUnusable extends Error {
  override readonly name: "in_use" | "not_a_vault";

  constructor(name: "in_use" | "not_a_vault", cause: unknown) {
    super(name, { cause });
    this.name = name;
  }
}

export function sqliteStorage(path: string, secret: Secret): Storage {
  let known: CryptoKey | null = null;
  return {
    open: async () => {
      // SQLite gives its other files the mode of this one.
      closeSync(openSync(path, "a", 0o600));
      const file = opened(path);
      try {
        known ??= await deviceKey(saltOf(file), secret);
        return new SqliteDatabase(file, known);
      } catch (error) {
        file.close();
        throw error;
      }
    },
    erase: () => {
      known = null;
      for (const end of ["-wal", "-shm", ""]) rmSync(path + end, { force: true });
      return Promise.resolve();
    },
  };
}

function opened(path: string): DatabaseSync {
  try {
    const file = new DatabaseSync(path, { timeout: BUSY_MS });
    file.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; BEGIN EXCLUSIVE; ${TABLES} COMMIT`);
    return file;
  } catch (error) {
    throw new FileUnusable(codeOf(error) === BUSY ? "in_use" : "not_a_vault", error);
  }
}

function saltOf(file: DatabaseSync): Bytes {
  const about = (name: string): Bytes | undefined =>
    file.prepare("SELECT value FROM about WHERE name = ?").get(name)?.["value"] as
      | Bytes
      | undefined;
  const known = about("salt");
  if (known !== undefined) {
    if (about("format")?.[0] !== FORMAT) throw new FileUnusable("not_a_vault", null);
    return known;
  }
  const salt = randomBytes(SALT_BYTES);
  const put = file.prepare("INSERT INTO about VALUES (?, ?)");
  file.exec("BEGIN");
  put.run("format", Uint8Array.of(FORMAT));
  put.run("salt", salt);
  file.exec("COMMIT");
  return salt;
}

async function deviceKey(salt: Bytes, secret: Secret): Promise<CryptoKey> {
  const raw = typeof secret === "string" ? await derive(secret, salt, COST) : secret;
  const base = await crypto.subtle.importKey("raw", copy(raw), "HKDF", false, ["deriveKey"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt, info: utf8(LABEL) };
  const made = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(algorithm, base, made, false, ["encrypt", "decrypt"]);
}

type Statement = ReturnType<DatabaseSync["prepare"]>;

class SqliteDatabase implements Database {
  readonly #file: DatabaseSync;
  readonly #deviceKey: CryptoKey;
  readonly #statements = new Map<string, Statement>();

  constructor(file: DatabaseSync, key: CryptoKey) {
    this.#file = file;
    this.#deviceKey = key;
  }

  #run(sql: string): Statement {
    const known = this.#statements.get(sql) ?? this.#file.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #transaction<T>(step: () => T): T {
    this.#file.exec("BEGIN IMMEDIATE");
    try {
      const result = step();
      this.#file.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk has ended the transaction already.
      if (this.#file.isTransaction) this.#file.exec("ROLLBACK");
      if (codeOf(error) === FULL) throw new DOMException("the disk is full", "QuotaExceededError");
      throw error;
    }
  }

  deviceKey(): Promise<CryptoKey> {
    return Promise.resolve(this.#deviceKey);
  }

  #key(): KeyRecord | null {
    const found = this.#run("SELECT value FROM about WHERE name = 'key'").get();
    if (found === undefined) return null;
    const kept = decode(found["value"] as Bytes) as Omit<KeyRecord, "deviceKey">;
    return { ...kept, deviceKey: this.#deviceKey };
  }

  #putKey(record: KeyRecord): void {
    const { wrapped, pin, session } = record;
    const value = copy(encode({ wrapped, pin, session }));
    this.#run("INSERT OR REPLACE INTO about VALUES ('key', ?)").run(value);
  }

  key(): Promise<KeyRecord | null> {
    return settled(() => this.#key());
  }

  addKey(record: KeyRecord): Promise<void> {
    return settled(() => {
      if (this.#key() === null) this.#putKey(record);
    });
  }

  changeKey(change: (record: KeyRecord | null) => KeyRecord): Promise<KeyRecord> {
    return settled(() =>
      this.#transaction(() => {
        const next = change(this.#key());
        this.#putKey(next);
        return next;
      }),
    );
  }

  clearKey(): Promise<void> {
    return settled(() => {
      this.#run("DELETE FROM about WHERE name = 'key'").run();
      this.#file.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    });
  }

  rows(store: string, keys: readonly string[]): Promise<readonly (StoredRow | undefined)[]> {
    const one = this.#run("SELECT s, k, g, o, d FROM records WHERE s = ? AND k = ?");
    return settled(() => keys.map((key) => rowOf(one.get(store, key))));
  }

  all(store: string): Promise<readonly StoredRow[]> {
    const every = this.#run("SELECT s, k, g, o, d FROM records WHERE s = ?");
    return settled(() => every.all(store) as unknown as readonly StoredRow[]);
  }

  page({ store, group, above, below, limit, descending }: RowQuery): Promise<readonly StoredRow[]> {
    const some = this.#run(
      `SELECT s, k, g, o, d FROM records WHERE s = ? AND g = ? AND o > ? AND o < ?
       ORDER BY o ${descending ? "DESC" : "ASC"}, k LIMIT ?`,
    );
    const most = Math.min(limit, Number.MAX_SAFE_INTEGER);
    const bounds = [above ?? -Infinity, below ?? Infinity, most] as const;
    return settled(() => some.all(store, group, ...bounds) as unknown as readonly StoredRow[]);
  }

  chunk(key: string, index: number): Promise<Bytes | null> {
    const one = this.#run("SELECT d FROM chunks WHERE k = ? AND i = ?");
    return settled(() => (one.get(key, index)?.["d"] as Bytes | undefined) ?? null);
  }

  chunkIndexes(key: string): Promise<readonly number[]> {
    const every = this.#run("SELECT i FROM chunks WHERE k = ? ORDER BY i");
    return settled(() => every.all(key).map((found) => found["i"] as number));
  }

  write(steps: readonly WriteStep[]): Promise<void> {
    return settled(() => {
      this.#transaction(() => {
        for (const step of steps) this.#apply(step);
      });
    });
  }

  #apply(step: WriteStep): void {
    switch (step.op) {
      case "put": {
        const { s, k, g, o, d } = step.row;
        this.#run("INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?)").run(s, k, g, o, d);
        return;
      }
      case "delete":
        this.#run("DELETE FROM records WHERE s = ? AND k = ?").run(step.store, step.key);
        return;
      case "delete_group":
        this.#run("DELETE FROM records WHERE s = ? AND g = ?").run(step.store, step.group);
        return;
      case "put_chunk": {
        const { key, index, bytes } = step;
        this.#run("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?)").run(key, index, bytes);
        return;
      }
      case "delete_chunks":
        this.#run("DELETE FROM chunks WHERE k = ?").run(step.key);
    }
  }

  close(): void {
    if (this.#file.isOpen) this.#file.close();
  }
}

function rowOf(found: unknown): StoredRow | undefined {
  return found as StoredRow | undefined;
}

/** SQLite answers at once; what it throws rejects. */
function settled<T>(step: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(step());
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, "errcode") : undefined;
}
