/** When the seals that messages wait for are asked for, on one connection. No I/O. */

/** A seal that was not there is not asked for again within this time. */
const ASK_AGAIN_MS = 10_000;
/** Without an occasion it is asked for after this time, then after twice as long, … */
const PATIENCE_MS = 60_000;
const MOST_PATIENCE_MS = 900_000;

interface Known {
  /** When it was asked for last. */
  readonly atMs: number;
  /** When it is to be asked for without an occasion. */
  readonly dueMs: number;
  readonly patienceMs: number;
}

/** By the seq of the message. */
export class Asked {
  readonly connection: number;
  readonly #known = new Map<number, Known>();

  constructor(connection: number) {
    this.connection = connection;
  }

  /** When a seal was asked for last; -Infinity for never. */
  lastMs(seq: number): number {
    return this.#known.get(seq)?.atMs ?? -Infinity;
  }

  /** Whether a seal may be asked for, as there is an occasion to. The clock may have been put back. */
  may(seq: number, nowMs: number): boolean {
    return Math.abs(nowMs - this.lastMs(seq)) >= ASK_AGAIN_MS;
  }

  /** Whether a seal has been waited for too long. It is known from the first call on. */
  overdue(seq: number, nowMs: number): boolean {
    const known = this.#known.get(seq);
    if (known !== undefined) return nowMs >= known.dueMs;
    this.#set(seq, -Infinity, nowMs, PATIENCE_MS);
    return false;
  }

  /** It is asked for now. */
  note(seq: number, nowMs: number): void {
    const patienceMs = this.#known.get(seq)?.patienceMs ?? PATIENCE_MS / 2;
    this.#set(seq, nowMs, nowMs, Math.min(2 * patienceMs, MOST_PATIENCE_MS));
  }

  forget(seq: number): void {
    this.#known.delete(seq);
  }

  #set(seq: number, atMs: number, nowMs: number, patienceMs: number): void {
    this.#known.set(seq, { atMs, dueMs: nowMs + patienceMs, patienceMs });
  }
}
