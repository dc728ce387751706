/**
 * Rows of the vault under the data key: each value is AES-256-GCM, bound to its store and opaque key;
 * keys and groups are HMACs of their names, remembered here until the vault locks.
 */
import { decode, encode } from "@msgpack/msgpack";
import { failure, hasCode } from "../failure.ts";
import { concat, copy, randomBytes, toHex, utf8 } from "../octets.ts";
import type { Change } from "./changes.ts";
import type { WriteStep } from "./database.ts";
import type { OpenKeys } from "./data-key.ts";
import type { StoredRow } from "./schema.ts";

const IV = 12;
const DAMAGED = Symbol("damaged");

/** Whether the vault found a record whose bytes are not the written ones. */
export function isDamaged(error: unknown): boolean {
  return hasCode(error, "storage_failed") && error.details["reason"] === "damaged";
}

export class RowCipher {
  readonly #opaque = new Map<string, string>();

  /** Forget the names of rows. */
  clear(): void {
    this.#opaque.clear();
  }

  /** A change as it is written. */
  async prepare(keys: OpenKeys, change: Change): Promise<WriteStep> {
    switch (change.op) {
      case "put": {
        const k = await this.name(keys, change.store, change.key);
        const g =
          change.group === undefined ? "" : await this.name(keys, change.store, change.group);
        const iv = randomBytes(IV);
        const plaintext = copy(encode(change.value, { ignoreUndefined: true }));
        const parameters = { name: "AES-GCM", iv, additionalData: utf8(`${change.store}\0${k}`) };
        const sealed = await crypto.subtle.encrypt(parameters, keys.data, plaintext);
        const d = concat(iv, new Uint8Array(sealed));
        return { op: change.op, row: { k, s: change.store, g, o: change.order ?? 0, d } };
      }
      case "delete":
        return {
          op: change.op,
          store: change.store,
          key: await this.name(keys, change.store, change.key),
        };
      case "delete_group":
        return {
          op: change.op,
          store: change.store,
          group: await this.name(keys, change.store, change.group),
        };
      case "put_chunk":
        return {
          op: change.op,
          key: await this.name(keys, "chunks", change.attachmentId),
          index: change.index,
          bytes: change.bytes,
        };
      case "delete_chunks":
        return {
          op: change.op,
          key: await this.name(keys, "chunks", change.attachmentId),
        };
    }
  }

  /** The value of a row. Throws what {@link isDamaged} knows if it is spoilt. */
  async open(keys: OpenKeys, row: StoredRow): Promise<unknown> {
    const parameters = {
      name: "AES-GCM",
      iv: row.d.slice(0, IV),
      additionalData: utf8(`${row.s}\0${row.k}`),
    };
    try {
      return decode(await crypto.subtle.decrypt(parameters, keys.data, row.d.slice(IV)));
    } catch (cause) {
      throw failure("storage_failed", { cause, details: { store: row.s, reason: "damaged" } });
    }
  }

  async openOr(keys: OpenKeys, row: StoredRow, damaged: unknown): Promise<unknown> {
    return this.open(keys, row).catch((error: unknown) => {
      if (!isDamaged(error)) throw error;
      return damaged;
    });
  }

  /** The opaque name under which a row rests. */
  async name(keys: OpenKeys, store: string, name: string): Promise<string> {
    const id = `${store}\0${name}`;
    const known = this.#opaque.get(id);
    if (known !== undefined) return known;
    const mac = new Uint8Array(await crypto.subtle.sign("HMAC", keys.names, utf8(id)));
    const opaque = toHex(mac.subarray(0, 16));
    if (this.#opaque.size > 20_000) this.#opaque.clear();
    this.#opaque.set(id, opaque);
    return opaque;
  }

  /** Rows for a list: one record that a bad disk has spoilt must not take the others with it. */
  async readable<T>(keys: OpenKeys, rows: readonly StoredRow[]): Promise<readonly T[]> {
    const read = rows.map((row) => this.openOr(keys, row, DAMAGED));
    return (await Promise.all(read)).filter((value) => value !== DAMAGED) as T[];
  }
}
