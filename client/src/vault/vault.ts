/**
 * The encrypted local store.
 *
 * Invariants: every record is AES-256-GCM under the data key, bound to its store and opaque key;
 * names never rest in the clear (keys and groups are HMACs); {@link Vault.write} applies all its
 * changes in one transaction or none; everything is encrypted before the transaction opens, because
 * IndexedDB closes one that waits for anything else. Order numbers of
 * records, sizes and counts are visible to anybody who can read the disk; contents are not.
 * Imports nothing of keys or transport.
 */
import type { AttachmentId } from "../ids.ts";
import { PASSPHRASE, PIN_DIGITS } from "../seam.ts";
import { equalBytes, randomBytes, toHex, type Bytes } from "../octets.ts";
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
import type { KeyRecord, NewPin, OpenKeys, PinCost } from "./data-key.ts";
import type { Change } from "./changes.ts";
import { RowCipher } from "./row-cipher.ts";
import { DatabaseConnection, named } from "./connection.ts";
import type { RowQuery, Storage } from "./database.ts";
import { indexedStorage } from "./indexed.ts";

export type { Change } from "./changes.ts";
export { isDamaged } from "./row-cipher.ts";

export interface VaultOptions {
  /** Name of the database of a browser. */
  readonly name: string;
  /** The place of the vault under Node. */
  readonly storage?: Storage | undefined;
  readonly now: () => number;
  /** The cost of a new PIN; where it is absent, so much that an unlock takes {@link UNLOCK_MS}. */
  readonly pinCost?: PinCost;
}

/**
 * Keys that let another tab of this device continue unlocked: keys that no script can read out, good for
 * as long as this unlock lasts. It goes from memory to memory and is never stored.
 */
export interface HandedKeys {
  readonly session: string;
  readonly keys: OpenKeys;
}

export type VaultState = "closed" | "locked" | "open";

export class Vault {
  readonly #options: VaultOptions;
  readonly #storage: Storage;
  readonly #connection: DatabaseConnection;
  #keys: OpenKeys | null = null;
  /** Null: the vault is closed. */
  #record: KeyRecord | null = null;
  readonly #cipher = new RowCipher();
  /** Called when the database is no longer the one that was opened: erased, or of a newer version. */
  onClosed: () => void = () => undefined;

  constructor(options: VaultOptions) {
    this.#options = options;
    this.#storage = options.storage ?? indexedStorage(options.name);
    this.#connection = new DatabaseConnection({
      storage: this.#storage,
      isSame: async (database) => {
        const found = await database.key();
        const wrapped = this.#record?.wrapped;
        return found !== null && wrapped !== undefined && equalBytes(found.wrapped, wrapped);
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
      const known = await database.key();
      if (known !== null) return known;
      // Two tabs may both find nothing: one wins, and the other reads what won.
      await database.addKey(await createKey(await database.deviceKey()));
      const won = await database.key();
      if (won === null) throw failure("storage_failed");
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
    await this.#connection.use((database) => database.changeKey(() => rewrapped));
    this.#record = rewrapped;
  }

  /** Forget the keys until the next unlock. Without a PIN there is nothing to lock. */
  async lock(): Promise<void> {
    if (!this.hasPin) return;
    this.#keys = null;
    this.#cipher.clear();
    // Keys that a sleeping tab still holds are good for nothing from here on.
    this.#record = await this.#connection.use((database) =>
      database.changeKey((record) => ({ ...(record ?? this.#requireRecord()), session: null })),
    );
  }

  /** Destroy the key first, then the database: a crash between leaves only ciphertext. */
  async wipe(): Promise<void> {
    this.#keys = null;
    this.#record = null;
    this.#cipher.clear();
    await this.#connection.use((database) => database.clearKey()).catch(() => undefined);
    this.#connection.close();
    await named(() => this.#storage.erase());
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
    const [row] = await this.#connection.use((database) => database.rows(store, [opaque]));
    const value = row === undefined ? null : await this.#cipher.open(keys, row);
    this.#requireSame(keys);
    return value as T | null;
  }

  /** Records in the order of their keys, read at once; null where there is none, or a spoilt one. */
  async getMany<T>(store: string, names: readonly string[]): Promise<readonly (T | null)[]> {
    const keys = this.#requireOpen();
    const opaque = await Promise.all(names.map((name) => this.#cipher.name(keys, store, name)));
    const rows = await this.#connection.use((database) => database.rows(store, opaque));
    const values = await Promise.all(
      rows.map((row) => (row === undefined ? null : this.#cipher.openOr(keys, row, null))),
    );
    this.#requireSame(keys);
    return values as readonly (T | null)[];
  }

  /** Every record of a store that can be read, in no particular order. For small stores. */
  async all<T>(store: string): Promise<readonly T[]> {
    const keys = this.#requireOpen();
    const rows = await this.#connection.use((database) => database.all(store));
    const found = await this.#cipher.readable<T>(keys, rows);
    this.#requireSame(keys);
    return found;
  }

  /** A page of one group, by order, of what can be read. Reads only what it returns. */
  async page<T>(query: RowQuery): Promise<readonly T[]> {
    const keys = this.#requireOpen();
    const group = await this.#cipher.name(keys, query.store, query.group);
    const rows = await this.#connection.use((database) => database.page({ ...query, group }));
    const found = await this.#cipher.readable<T>(keys, rows);
    this.#requireSame(keys);
    const last = rows.at(-1);
    if (found.length === rows.length || rows.length < query.limit || last === undefined)
      return found;
    // Damaged records leave their places to the following ones.
    const bound = query.descending ? { below: last.o } : { above: last.o };
    const limit = query.limit - found.length;
    return [...found, ...(await this.page<T>({ ...query, ...bound, limit }))];
  }

  async chunk(attachmentId: AttachmentId, index: number): Promise<Bytes | null> {
    const keys = this.#requireOpen();
    const opaque = await this.#cipher.name(keys, "chunks", attachmentId);
    return this.#connection.use((database) => database.chunk(opaque, index));
  }

  /** The indexes of an attachment's chunks that are stored here. */
  async chunkIndexes(attachmentId: AttachmentId): Promise<readonly number[]> {
    const keys = this.#requireOpen();
    const opaque = await this.#cipher.name(keys, "chunks", attachmentId);
    return this.#connection.use((database) => database.chunkIndexes(opaque));
  }

  /**
   * Apply every change in one transaction, or none of them. `strict` waits until the bytes are on
   * the disk and not only with the operating system: for state that is about to be acted on.
   */
  async write(changes: readonly Change[], strict = false): Promise<void> {
    if (changes.length === 0) return;
    const keys = this.#requireOpen();
    const prepared = await Promise.all(changes.map((change) => this.#cipher.prepare(keys, change)));
    await this.#connection.use((database) => database.write(prepared, strict));
  }

  async #countTry(): Promise<KeyRecord> {
    this.#record = await this.#connection.use((database) =>
      database.changeKey((record) => {
        if (record?.pin == null) throw failure("storage_failed");
        const wait = waitMs(record.pin, this.#options.now());
        if (wait > 0) {
          throw failure("pin_wait", {
            retry: true,
            retryAfterMs: wait,
            details: { triesLeft: MAX_TRIES - record.pin.tries },
          });
        }
        return countTry(record, record.pin, this.#options.now());
      }),
    );
    return this.#record;
  }

  /** The PIN was right: forgive the tries before it. `session`: the name of the unlock. */
  async #forgiveTries(session: string | null): Promise<void> {
    const record = this.#requireRecord();
    if (record.pin === null) return;
    const pin = { ...record.pin, tries: 0, nextTryMs: 0 };
    const begun = { ...record, pin, session };
    this.#record = await this.#connection.use((database) => database.changeKey(() => begun));
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
    const cost = this.#options.pinCost ?? (await measuredCost(UNLOCK_MS));
    return { text, passphrase, cost };
  }

  /** A read that began before a lock is not answered after it, nor after the unlock that follows. */
  #requireSame(keys: OpenKeys): void {
    if (this.#keys !== keys) throw failure("locked");
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
