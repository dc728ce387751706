/**
 * One group of one store of the vault, read through memory.
 *
 * Invariants: a write belongs to a {@link UnitOfWork} and is seen by later reads of that work at
 * once, by others only after the work is stored; an absent row is remembered as absent. Runs in
 * the conversation's queue.
 */
import { isDamaged, type Change, type Vault } from "../vault/vault.ts";

/** The part of a unit of work that tables write to. */
export interface Transaction {
  readonly changes: Change[];
  readonly afterwards: (() => void)[];
  /** Values that are not stored yet, by store and key. */
  readonly overlay: Map<string, unknown>;
}

export class Table<T> {
  readonly #vault: Vault;
  readonly #store: string;
  readonly #group: string;
  readonly #most: number;
  readonly #known = new Map<string, T | null>();
  #forgotten = 0;

  constructor(vault: Vault, store: string, group: string, most: number) {
    this.#vault = vault;
    this.#store = store;
    this.#group = group;
    this.#most = most;
  }

  #key(name: string): string {
    return `${this.#group}/${name}`;
  }

  #overlaid(name: string): string {
    return `${this.#store}/${name}`;
  }

  async get(work: Transaction | null, name: string): Promise<T | null> {
    const overlaid = work?.overlay.get(this.#overlaid(name));
    if (overlaid !== undefined) return overlaid as T | null;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const forgotten = this.#forgotten;
    const stored = await this.#vault.get<T>(this.#store, this.#key(name)).catch(absentIfDamaged);
    // Views read outside of the queue: a row stored meanwhile is newer.
    const meanwhile = this.#known.get(name);
    if (meanwhile !== undefined) return meanwhile;
    // A row that was stored and forgotten meanwhile is newer too.
    if (forgotten === this.#forgotten) this.#remember(name, stored);
    return stored;
  }

  /** Read these rows at once, so that {@link get} finds them in memory. */
  async load(names: readonly string[]): Promise<void> {
    const unknown = names.filter((name) => !this.#known.has(name));
    if (unknown.length === 0) return;
    const keys = unknown.map((name) => this.#key(name));
    const forgotten = this.#forgotten;
    const rows = await this.#vault.getMany<T>(this.#store, keys);
    if (forgotten !== this.#forgotten) return;
    for (const [at, name] of unknown.entries())
      if (!this.#known.has(name)) this.#remember(name, rows[at] ?? null);
  }

  /** Rows in memory, absent ones too. */
  get held(): number {
    return this.#known.size;
  }

  /** Let go of the rows in memory; the next {@link get} of each reads it again. */
  forget(): void {
    this.#forgotten++;
    this.#known.clear();
  }

  put(work: Transaction, name: string, value: T, order = 0): void {
    const place = { store: this.#store, key: this.#key(name), group: this.#group, order };
    work.changes.push({ op: "put", ...place, value });
    this.#follow(work, name, value);
  }

  delete(work: Transaction, name: string): void {
    work.changes.push({ op: "delete", store: this.#store, key: this.#key(name) });
    this.#follow(work, name, null);
  }

  /** Every stored row, lowest order first, not what a work has not stored. */
  all(): Promise<readonly T[]> {
    return this.page(null, Number.MAX_SAFE_INTEGER, false);
  }

  page(above: number | null, limit: number, descending: boolean): Promise<readonly T[]> {
    return this.#vault.page<T>({
      store: this.#store,
      group: this.#group,
      limit,
      descending,
      ...(above === null ? {} : { above }),
    });
  }

  #follow(work: Transaction, name: string, value: T | null): void {
    work.overlay.set(this.#overlaid(name), value);
    work.afterwards.push(() => this.#remember(name, value));
  }

  #remember(name: string, value: T | null): void {
    if (this.#known.size >= this.#most) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(name, value);
  }
}

/** A spoilt row is fetched or asked for again, as one that never came. */
function absentIfDamaged(error: unknown): null {
  if (isDamaged(error)) return null;
  throw error;
}
