/**
 * The database's shape and its migrations. Record contents have no schema here: they are
 * ciphertext to IndexedDB.
 *
 * `records` holds everything but keys and attachment chunks. Its rows are
 * `{ k: opaque key, s: store name, g: opaque group, o: order, d: iv ‖ ciphertext }`; the index
 * `by_group` pages through one group of one store in order without decrypting the rest.
 * `chunks` holds attachment ciphertext under `[opaque attachment id, index]`. `key` holds the
 * wrapped data key and the unlock counter, which must be readable before anything is unlocked.
 */
import { openDB } from "idb";
import type { DBSchema, IDBPDatabase, IDBPTransaction, StoreNames } from "idb";
import type { Bytes } from "../octets.ts";
import type { KeyRecord } from "./data-key.ts";

export interface StoredRow {
  readonly k: string;
  readonly s: string;
  readonly g: string;
  readonly o: number;
  readonly d: Bytes;
}

export interface Schema extends DBSchema {
  key: { key: string; value: KeyRecord };
  records: {
    key: [string, string];
    value: StoredRow;
    indexes: { by_group: [string, string, number] };
  };
  chunks: { key: [string, number]; value: Bytes };
}

export type VaultDatabase = IDBPDatabase<Schema>;
export type Upgrade = (
  database: VaultDatabase,
  transaction: IDBPTransaction<Schema, StoreNames<Schema>[], "versionchange">,
) => void;

/** Step i takes the database from version i to i + 1. Append only. */
const UPGRADES: readonly Upgrade[] = [
  (database) => {
    database.createObjectStore("key");
    const records = database.createObjectStore("records", { keyPath: ["s", "k"] });
    records.createIndex("by_group", ["s", "g", "o"]);
    database.createObjectStore("chunks");
  },
];

export interface ConnectionListener {
  /** The browser closed the connection. */
  readonly lost: (database: VaultDatabase) => void;
  /** Somebody wants to erase the database or to migrate it, and waits until it is closed here. */
  readonly taken: (database: VaultDatabase) => void;
}

/** Open the database and bring it to the newest version. */
export async function openSchema(
  name: string,
  listener: ConnectionListener,
  upgrades: readonly Upgrade[] = UPGRADES,
): Promise<VaultDatabase> {
  const database: VaultDatabase = await openDB<Schema>(name, upgrades.length, {
    upgrade(opened, oldVersion, _newVersion, transaction) {
      for (const step of upgrades.slice(oldVersion)) step(opened, transaction);
    },
    blocking() {
      listener.taken(database);
    },
    terminated() {
      listener.lost(database);
    },
  });
  return database;
}
