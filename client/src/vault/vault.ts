/**
 * The encrypted local store.
 *
 * Invariants: every record is AES-256-GCM under the data key, bound to its store and opaque key;
 * names never rest in the clear (keys and groups are HMACs); {@link Vault.write} applies all its
 * changes in one IndexedDB transaction or none; everything is encrypted before the transaction
 * opens, because IndexedDB closes a transaction that waits for anything else. Order numbers of
 * records, sizes and counts are visible to whoever can read the disk; contents are not.
 * Imports nothing of keys or transport.
 */
import type { AttachmentId } from "../ids.ts";
import { deleteDB } from "idb";
import { PASSPHRASE, PIN_DIGITS } from "../core.ts";
import { equalBytes, randomBytes, toHex } from "../octets.ts";
import type { Bytes } from "../octets.ts";
import { failure } from "../failure.ts";
import {
  MAX_TRIES,
  UNLOCK_MS,
  countTry,
  createKey,
  measuredCost,
  personSeedOf,
  rewrapKey,
  unlockKey,
  waitMs,
} from "./data-key.ts";
import type { KeyRecord, NewPin, OpenKeys } from "./data-key.ts";
import type { Change, PageQuery } from "./changes.ts";
import { RowCipher } from "./row-cipher.ts";
import { Connection, named } from "./connection.ts";
import type { Row } from "./schema.ts";

export type { Change, PageQuery } from "./changes.ts";
export { isDamaged } from "./row-cipher.ts";

export interface VaultOptions {
  readonly name: string;
  readonly now: () => number;
  /** About how long an unlock takes: {@link UNLOCK_MS} where it is absent. */
  readonly unlockMs?: number;
}

/**
 * Keys that let another tab of this device go on unlocked: keys that no script can read out, good for
 * as long as this unlock lasts. It goes from memory to memory and is never stored.
 */
export interface HandedKeys {
  readonly session: string;
  readonly keys: OpenKeys;
}

export type VaultState = "closed" | "locked" | "open";

const KEY_ROW = "data";
/** IndexedDB counts in 32 bits. */
const MOST_ROWS = 2 ** 32 - 1;

export class Vault {
  readonly #options: VaultOptions;
  readonly #connection: Connection;
  #keys: OpenKeys | null = null;
  /** Null: the vault is closed. */
  #record: KeyRecord | null = null;
  readonly #cipher = new RowCipher();
  /** Called when the database is no longer the one that was opened: erased, or of a newer version. */
  onClosed: () => void = () => undefined;

  constructor(options: VaultOptions) {
    this.#options = options;
    this.#connection = new Connection({
      name: options.name,
      isSame: async (database) => {
        const found = await database.get("key", KEY_ROW);
        const wrapped = this.#record?.wrapped;
        return found !== undefined && wrapped !== undefined && equalBytes(found.wrapped, wrapped);
      },
      onGone: () => {
        if (this.#record === null) return;
        this.close();
        this.#cipher.clear();
        this.onClosed();
      },
    });
  }

  get state(): VaultState {
    if (this.#record === null) return "closed";
    return this.#keys === null ? "locked" : "open";
  }

  /** Null: nothing. */
  get lockedBy(): "pin" | "passphrase" | null {
    const pin = this.#record?.pin ?? null;
    if (pin === null) return null;
    return pin.passphrase ? "passphrase" : "pin";
  }

  get hasPin(): boolean {
    return (this.#record?.pin ?? null) !== null;
  }

  /** Tries left before the wipe, once at least one was wrong; null otherwise. */
  get triesLeft(): number | null {
    const tries = this.#record?.pin?.tries ?? 0;
    return tries === 0 ? null : Math.max(0, MAX_TRIES - tries);
  }

  /** The keys in use, for another tab; null while locked and without a PIN. */
  get handedKeys(): HandedKeys | null {
    const session = this.#record?.session ?? null;
    return this.#keys === null || session === null ? null : { session, keys: this.#keys };
  }

  /**
   * Open the database; make the data key on the first start. Unlocks if there is no PIN, or by the
   * keys of an unlock that lasts.
   */
  async open(handed: HandedKeys | null = null): Promise<VaultState> {
    if (this.#record !== null) return this.state;
    await this.#connection.open();
    const record = await this.#connection.use(async (database) => {
      const known = await database.get("key", KEY_ROW);
      if (known !== undefined) return known;
      const created = await createKey();
      // Two tabs may both find nothing: `add` lets one win, and the other reads what won.
      await database.add("key", created.record, KEY_ROW).catch(() => undefined);
      const won = await database.get("key", KEY_ROW);
      if (won === undefined) throw failure("storage_failed");
      return won;
    });
    this.#record = record;
    if (record.pin === null) this.#keys = await named(() => unlockKey(record, null));
    else if (handed !== null && handed.session === record.session) this.#keys = handed.keys;
    return this.state;
  }

  /**
   * Check a PIN. Throws `pin_wait` before its time and `pin_wrong` with `triesLeft`; at zero
   * everything has been wiped.
   */
  async unlock(pin: string): Promise<void> {
    const record = await this.#countTry();
    const keys = await unlockKey(record, pin);
    if (keys === null) return this.#wrongPin();
    await this.#forgiveTries(toHex(randomBytes(16)));
    this.#keys = keys;
  }

  /** The seed of the key by which the PIN proves presence. Rejects as {@link unlock} does. */
  async personSeed(pin: string): Promise<Bytes> {
    this.#requireOpen();
    const record = await this.#countTry();
    const seed = await personSeedOf(record, pin);
    if (seed === null) return this.#wrongPin();
    await this.#forgiveTries(record.session);
    return seed;
  }

  /** Set, change or remove (null) the PIN or passphrase. */
  async setPin(pin: string | null, currentPin: string | null): Promise<void> {
    this.#requireOpen();
    const wanted = pin === null ? null : await this.#newPin(pin);
    const record = this.hasPin ? await this.#countTry() : this.#requireRecord();
    const rewrapped = await rewrapKey(record, currentPin, wanted);
    if (rewrapped === null) return this.#wrongPin();
    await this.#connection.use((database) => database.put("key", rewrapped, KEY_ROW));
    this.#record = rewrapped;
  }

  /** Forget the keys until the next unlock. Without a PIN there is nothing to lock. */
  async lock(): Promise<void> {
    if (!this.hasPin) return;
    this.#keys = null;
    this.#cipher.clear();
    // Keys that a sleeping tab still holds are good for nothing from here on.
    this.#record = await this.#connection.use(async (database) => {
      const store = database.transaction("key", "readwrite").store;
      const record = (await store.get(KEY_ROW)) ?? this.#requireRecord();
      const ended = { ...record, session: null };
      await store.put(ended, KEY_ROW);
      return ended;
    });
  }

  /** Destroy the key first, then the database: a crash between leaves only ciphertext. */
  async wipe(): Promise<void> {
    this.#keys = null;
    this.#record = null;
    this.#cipher.clear();
    await this.#connection.use((database) => database.clear("key")).catch(() => undefined);
    this.#connection.close();
    await named(() => deleteDB(this.#options.name));
  }

  close(): void {
    this.#connection.close();
    this.#record = null;
    this.#keys = null;
  }

  /** A record; null where there is none. Throws what {@link isDamaged} knows if it is spoilt. */
  async get<T>(store: string, key: string): Promise<T | null> {
    const keys = this.#requireOpen();
    const opaque = await this.#cipher.name(keys, store, key);
    const row = await this.#connection.use((database) => database.get("records", [store, opaque]));
    return row === undefined ? null : ((await this.#cipher.open(keys, row)) as T);
  }

  /** Records in the order of their keys, read at once; null where there is none, or a spoilt one. */
  async getMany<T>(store: string, names: readonly string[]): Promise<readonly (T | null)[]> {
    const keys = this.#requireOpen();
    const opaque = await Promise.all(names.map((name) => this.#cipher.name(keys, store, name)));
    const rows = await this.#connection.use((database) => {
      const { store: records } = database.transaction("records");
      return Promise.all(opaque.map((key) => records.get([store, key])));
    });
    return Promise.all(
      rows.map(async (row) => {
        const value = row === undefined ? null : await this.#cipher.openOr(keys, row, null);
        return value as T | null;
      }),
    );
  }

  /** Every record of a store that can be read, in no particular order. For small stores. */
  async all<T>(store: string): Promise<readonly T[]> {
    const keys = this.#requireOpen();
    const range = IDBKeyRange.bound([store], [store, []]);
    const rows = await this.#connection.use((database) => database.getAll("records", range));
    return this.#cipher.readable<T>(keys, rows);
  }

  /** A page of one group, by order, of what can be read. Reads only what it returns. */
  async page<T>(query: PageQuery): Promise<readonly T[]> {
    const keys = this.#requireOpen();
    const group = await this.#cipher.name(keys, query.store, query.group);
    const rows = await this.#rows(query, group);
    const found = await this.#cipher.readable<T>(keys, rows);
    const last = rows.at(-1);
    if (found.length === rows.length || rows.length < query.limit || last === undefined)
      return found;
    // Damaged records leave their places to those that follow.
    const bound = query.descending ? { below: last.o } : { above: last.o };
    const limit = query.limit - found.length;
    return [...found, ...(await this.page<T>({ ...query, ...bound, limit }))];
  }

  async #rows(query: PageQuery, group: string): Promise<readonly Row[]> {
    const range = IDBKeyRange.bound(
      [query.store, group, query.above ?? -Infinity],
      [query.store, group, query.below ?? Infinity],
      query.above !== undefined,
      query.below !== undefined,
    );
    return this.#connection.use(async (database) => {
      const index = database.transaction("records").store.index("by_group");
      // A cursor answers row by row, but it alone goes down.
      if (!query.descending) return index.getAll(range, Math.min(query.limit, MOST_ROWS));
      const found: Row[] = [];
      let cursor = await index.openCursor(range, query.descending ? "prev" : "next");
      while (cursor !== null && found.length < query.limit) {
        found.push(cursor.value);
        cursor = found.length < query.limit ? await cursor.continue() : null;
      }
      return found;
    });
  }

  async chunk(attachmentId: AttachmentId, index: number): Promise<Bytes | null> {
    const keys = this.#requireOpen();
    const opaque = await this.#cipher.name(keys, "chunks", attachmentId);
    const found = await this.#connection.use((database) => database.get("chunks", [opaque, index]));
    return found ?? null;
  }

  /** The indexes of an attachment's chunks that are stored here. */
  async chunkIndexes(attachmentId: AttachmentId): Promise<readonly number[]> {
    const keys = this.#requireOpen();
    const opaque = await this.#cipher.name(keys, "chunks", attachmentId);
    const range = IDBKeyRange.bound([opaque], [opaque, []]);
    const found = await this.#connection.use((database) => database.getAllKeys("chunks", range));
    return found.map(([, index]) => index);
  }

  /**
   * Apply every change in one transaction, or none of them. `strict` waits until the bytes are on
   * the disk and not only with the operating system: for state that is about to be acted on.
   */
  async write(changes: readonly Change[], strict = false): Promise<void> {
    if (changes.length === 0) return;
    const keys = this.#requireOpen();
    const prepared = await Promise.all(changes.map((change) => this.#cipher.prepare(keys, change)));
    await this.#connection.use(async (database) => {
      const transaction = database.transaction(["records", "chunks"], "readwrite", {
        durability: strict ? "strict" : "relaxed",
      });
      const pending: Promise<unknown>[] = [];
      try {
        const records = transaction.objectStore("records");
        const chunks = transaction.objectStore("chunks");
        for (const step of prepared) {
          switch (step.op) {
            case "put":
              pending.push(records.put(step.row));
              break;
            case "delete":
              pending.push(records.delete([step.store, step.key]));
              break;
            case "delete_group": {
              const range = IDBKeyRange.bound(
                [step.store, step.group],
                [step.store, step.group, []],
              );
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
          // It has aborted by itself already.
        }
        throw error;
      }
    });
  }

  async #countTry(): Promise<KeyRecord> {
    const counted = await this.#connection.use(async (database) => {
      const store = database.transaction("key", "readwrite").store;
      const record = await store.get(KEY_ROW);
      if (record?.pin == null) throw failure("storage_failed");
      const wait = waitMs(record.pin, this.#options.now());
      if (wait > 0) {
        throw failure("pin_wait", {
          retry: true,
          retryAfterMs: wait,
          details: { triesLeft: MAX_TRIES - record.pin.tries },
        });
      }
      const next = countTry(record, record.pin, this.#options.now());
      await store.put(next, KEY_ROW);
      return next;
    });
    this.#record = counted;
    return counted;
  }

  /** The PIN was right: forgive the tries before it. `session`: the name of the unlock. */
  async #forgiveTries(session: string | null): Promise<void> {
    const record = this.#requireRecord();
    if (record.pin === null) return;
    const pin = { ...record.pin, tries: 0, nextTryMs: 0 };
    const begun = { ...record, pin, session };
    await this.#connection.use((database) => database.put("key", begun, KEY_ROW));
    this.#record = begun;
  }

  async #wrongPin(): Promise<never> {
    const triesLeft = this.triesLeft ?? 0;
    const pin = this.#requireRecord().pin;
    const wait = pin === null ? 0 : waitMs(pin, this.#options.now());
    if (triesLeft === 0) await this.wipe();
    throw failure("pin_wrong", { retryAfterMs: wait, details: { triesLeft } });
  }

  #requireRecord(): KeyRecord {
    if (this.#record === null) throw failure("storage_failed");
    return this.#record;
  }

  async #newPin(text: string): Promise<NewPin> {
    const passphrase = isPassphrase(text);
    if (!passphrase && !isPin(text)) throw failure("pin_invalid");
    const cost = await measuredCost(this.#options.unlockMs ?? UNLOCK_MS);
    return { text, passphrase, cost };
  }

  #requireOpen(): OpenKeys {
    this.#requireRecord();
    if (this.#keys === null) throw failure("locked");
    return this.#keys;
  }
}

function isPin(text: string): boolean {
  const { fewest, most } = PIN_DIGITS;
  return /^\d+$/.test(text) && text.length >= fewest && text.length <= most;
}

function isPassphrase(text: string): boolean {
  const { fewest, most } = PASSPHRASE;
  return !/^\d*$/.test(text) && text.length >= fewest && text.length <= most;
}
