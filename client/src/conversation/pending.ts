/**
 * Entries of the log that are not shown: they wait for a key (R9), or were refused.
 *
 * Invariant: everything about them but their bytes is in memory once it has been read, so that looking
 * for what a new key opens reads no row. Runs in the conversation's queue.
 */
import type { PendingRecord } from "../records.ts";
import type { Table, Transaction } from "./table.ts";

/** All about an entry but its bytes. */
export type PendingEntry = Omit<PendingRecord, "message">;

export class Pending {
  readonly #table: Table<PendingRecord>;
  #known: Promise<Map<number, PendingEntry>> | null = null;

  constructor(table: Table<PendingRecord>) {
    this.#table = table;
  }

  /** Return all that is stored, in no particular order. */
  async all(): Promise<readonly PendingEntry[]> {
    return [...(await this.#load()).values()];
  }

  /** Whole rows, of the readable ones. */
  async rows(positions: readonly number[]): Promise<readonly PendingRecord[]> {
    const names = positions.map(String);
    await this.#table.load(names);
    const found = await Promise.all(names.map((name) => this.#table.get(null, name)));
    return found.filter((row) => row !== null);
  }

  put(work: Transaction, row: PendingRecord): void {
    this.#table.put(work, String(row.position), row, row.position);
    this.#follow(work, (known) => known.set(row.position, briefly(row)));
  }

  delete(work: Transaction, position: number): void {
    this.#table.delete(work, String(position));
    this.#follow(work, (known) => known.delete(position));
  }

  #load(): Promise<Map<number, PendingEntry>> {
    this.#known ??= this.#table
      .all()
      .then((rows) => new Map(rows.map((row) => [row.position, briefly(row)])))
      .catch((error: unknown) => {
        this.#known = null;
        throw error;
      });
    return this.#known;
  }

  #follow(work: Transaction, change: (known: Map<number, PendingEntry>) => void): void {
    work.afterwards.push(() => {
      void this.#known?.then(change, () => undefined);
    });
  }
}

function briefly({ position, sentMs, why, keyId, personId, old }: PendingRecord): PendingEntry {
  return { position, sentMs, why, keyId, personId, old };
}
