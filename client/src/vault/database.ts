/**
 * The database beneath the vault, as a host keeps it: IndexedDB in a browser (indexed.ts), SQLite
 * under Node (sqlite.ts). It holds ciphertext, opaque names and the wrapped data key, nothing else.
 */
import type { Bytes } from "../octets.ts";
import type { KeyRecord } from "./data-key.ts";
import type { StoredRow } from "./schema.ts";

/** A change as it is written: names are opaque, values are sealed. */
export type WriteStep =
  | { readonly op: "put"; readonly row: StoredRow }
  | { readonly op: "delete"; readonly store: string; readonly key: string }
  | { readonly op: "delete_group"; readonly store: string; readonly group: string }
  | {
      readonly op: "put_chunk";
      readonly key: string;
      readonly index: number;
      readonly bytes: Bytes;
    }
  | { readonly op: "delete_chunks"; readonly key: string };

/** Rows of one group of a store, within bounds of their order. */
export interface RowQuery {
  readonly store: string;
  readonly group: string;
  /** Exclusive bounds of `order`. */
  readonly above?: number;
  readonly below?: number;
  readonly limit: number;
  readonly descending: boolean;
}

export interface Database {
  /** The key that wraps the data key: this host's secret, which no script can read out. */
  deviceKey(): Promise<CryptoKey>;
  key(): Promise<KeyRecord | null>;
  /** Store the first data key; one that is there already stays. */
  addKey(record: KeyRecord): Promise<void>;
  /** Read and write the data key in one transaction. If `change` throws, nothing is written. */
  changeKey(change: (record: KeyRecord | null) => KeyRecord): Promise<KeyRecord>;
  clearKey(): Promise<void>;
  /** The rows of these keys, in their order. */
  rows(store: string, keys: readonly string[]): Promise<readonly (StoredRow | undefined)[]>;
  all(store: string): Promise<readonly StoredRow[]>;
  page(query: RowQuery): Promise<readonly StoredRow[]>;
  chunk(key: string, index: number): Promise<Bytes | null>;
  chunkIndexes(key: string): Promise<readonly number[]>;
  /** All of it, or nothing. `strict`: return when the bytes are on the disk. */
  write(steps: readonly WriteStep[], strict: boolean): Promise<void>;
  close(): void;
}

export interface DatabaseListener {
  /** The host closed the connection. */
  readonly lost: (database: Database) => void;
  /** Somebody wants to erase the database or to migrate it, and waits until it is closed here. */
  readonly taken: (database: Database) => void;
}

/** The place of one vault on a host. */
export interface Storage {
  open(listener: DatabaseListener): Promise<Database>;
  /** Destroy the database, which is closed. */
  erase(): Promise<void>;
}
