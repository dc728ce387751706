/**
 * Keeps the databases of this process, which fake-indexeddb holds in memory, in files: a simulated
 * officer has the keys of its device after a restart.
 *
 * One file for each database, `<name>.vault`, with one line for each committed transaction. A line is
 * written before the core learns that the transaction has ended, so the file of a process that was
 * killed holds all that the device acted on; a last line that was cut short is of a transaction that
 * never ended. {@link openStorage} reads the file and writes it anew with the rows that are left. One
 * process uses a folder at a time.
 */
import { KeyObject, type webcrypto } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { openSchema } from "../vault/schema.ts";
import type { VaultDatabase } from "../vault/schema.ts";

type StoreName = "key" | "records" | "chunks";
type Bounds = readonly [lower: unknown, upper: unknown, lowerOpen: boolean, upperOpen: boolean];
/** A row of a store, or the bounds of the rows that were deleted. */
type Change =
  | { readonly store: StoreName; readonly put: unknown; readonly key: IDBValidKey | undefined }
  | { readonly store: StoreName; readonly deleted: Bounds };

interface Journal {
  readonly path: string;
  readonly file: number;
}

const STORES: readonly StoreName[] = ["key", "records", "chunks"];
/** Keys are strings and arrays that begin with one. */
const EVERYTHING: Bounds = ["", [[]], false, false];
const ignore = (): void => undefined;
const journals = new Map<string, Journal>();
/** Changes of transactions that have not ended. */
const pending = new WeakMap<IDBTransaction, Change[]>();

/**
 * Read a database from its file, if it has one, and note from here on what becomes of it. Returns
 * whether there was a file; without one, the next start finds one after {@link keepStorage} alone.
 */
export async function openStorage(folder: string, name: string): Promise<boolean> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${name}.vault`);
  const kept = existsSync(path);
  const database = await openSchema(name, { lost: ignore, taken: ignore });
  const lines = kept ? readFileSync(path, "utf8").split("\n") : [];
  for (const line of lines.slice(0, -1)) await apply(database, decoded(line));
  const file = openSync(`${path}.new`, "w", 0o600);
  appendFileSync(file, encoded(await rows(database)));
  database.close();
  journals.set(name, { path, file });
  if (kept) keepStorage(name);
  return kept;
}

/** The device of this database has registered: the next start has it. */
export function keepStorage(name: string): void {
  const journal = journals.get(name);
  if (journal === undefined || !existsSync(`${journal.path}.new`)) return;
  renameSync(`${journal.path}.new`, journal.path);
}

function encoded(changes: readonly Change[]): string {
  const text = JSON.stringify(changes, (_, value: unknown) =>
    value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value,
  );
  return `${text}\n`;
}

function decoded(line: string): readonly Change[] {
  return JSON.parse(line, (_, value: unknown) =>
    value instanceof Object && "base64" in value
      ? new Uint8Array(Buffer.from(value.base64 as string, "base64"))
      : value,
  ) as readonly Change[];
}

async function apply(database: VaultDatabase, changes: readonly Change[]): Promise<void> {
  const prepared = await Promise.all(
    changes.map(async (one) => ("put" in one ? { ...one, put: await unpacked(one.put) } : one)),
  );
  const transaction = database.transaction(STORES, "readwrite");
  for (const one of prepared) {
    // A row goes back to the store that it came from.
    const store = transaction.objectStore(one.store) as unknown as {
      put(value: unknown, key?: IDBValidKey): Promise<unknown>;
      delete(range: IDBKeyRange): Promise<void>;
    };
    if ("put" in one) await store.put(one.put, one.key);
    else await store.delete(IDBKeyRange.bound(...one.deleted));
  }
  await transaction.done;
}

async function rows(database: VaultDatabase): Promise<readonly Change[]> {
  const found: Change[] = [];
  for (const store of STORES) {
    const [values, keys] = [await database.getAll(store), await database.getAllKeys(store)];
    for (const [index, value] of values.entries())
      found.push({ store, put: packed(value), key: store === "records" ? undefined : keys[index] });
  }
  return found;
}

/** A device's key lives in WebCrypto: it is written as its bytes. */
function packed(value: unknown): unknown {
  if (!(value instanceof Object) || !("deviceKey" in value)) return value;
  const key = KeyObject.from(value.deviceKey as webcrypto.CryptoKey);
  return { ...value, deviceKey: new Uint8Array(key.export()) };
}

async function unpacked(value: unknown): Promise<unknown> {
  if (!(value instanceof Object) || !("deviceKey" in value)) return value;
  const raw = value.deviceKey as Uint8Array<ArrayBuffer>;
  const usages: KeyUsage[] = ["encrypt", "decrypt"];
  return {
    ...value,
    deviceKey: await crypto.subtle.importKey("raw", raw, "AES-GCM", false, usages),
  };
}

/** Note a change once its request has succeeded, and write all of a transaction when it ends. */
function note(request: IDBRequest, change: Change): void {
  const { transaction } = request;
  const journal = transaction === null ? undefined : journals.get(transaction.db.name);
  if (transaction === null || journal === undefined) return;
  request.addEventListener("success", () => {
    const changes = pending.get(transaction) ?? [];
    if (changes.length === 0) {
      pending.set(transaction, changes);
      transaction.addEventListener("complete", () => {
        appendFileSync(journal.file, encoded(changes));
      });
    }
    changes.push(change);
  });
}

/** Watch what any database of this process changes. */
function watch(): void {
  const store = IDBObjectStore.prototype;
  const { put, add, clear } = store;
  const remove = Reflect.get(store, "delete") as IDBObjectStore["delete"];
  const storing = (method: typeof put): typeof put =>
    function (this: IDBObjectStore, value: unknown, key?: IDBValidKey) {
      const request = method.call(this, value, key);
      note(request, { store: this.name as StoreName, put: structuredClone(packed(value)), key });
      return request;
    };
  store.put = storing(put);
  store.add = storing(add);
  store.delete = function (this: IDBObjectStore, query: IDBValidKey | IDBKeyRange) {
    const { lower, upper, lowerOpen, upperOpen } =
      query instanceof IDBKeyRange ? query : IDBKeyRange.only(query);
    const request = remove.call(this, query);
    const deleted: Bounds = [lower, upper, lowerOpen, upperOpen];
    note(request, { store: this.name as StoreName, deleted });
    return request;
  };
  store.clear = function (this: IDBObjectStore) {
    const request = clear.call(this);
    note(request, { store: this.name as StoreName, deleted: EVERYTHING });
    return request;
  };
  IDBCursor.prototype.delete = function (this: IDBCursor) {
    const from = this.source instanceof IDBIndex ? this.source.objectStore : this.source;
    return from.delete(this.primaryKey);
  };
  // A device that is signed out wipes its vault: the next start registers anew.
  const { deleteDatabase } = IDBFactory.prototype;
  IDBFactory.prototype.deleteDatabase = function (this: IDBFactory, name: string) {
    const journal = journals.get(name);
    for (const end of ["", ".new"])
      if (journal !== undefined) rmSync(`${journal.path}${end}`, { force: true });
    journals.delete(name);
    return deleteDatabase.call(this, name);
  };
}

watch();
