/** Long work that a person starts, watches and cancels, such as making a file: one at a time. */
import { asFailure } from "./as-failure.ts";
import { failure } from "./failure.ts";

/** The shortest time between two events about progress. */
const TOLD_EVERY_MS = 100;

export class SingleRun {
  #running: AbortController | null = null;

  /** Run it; the one that runs ends. Rejects with `cancelled` once it is, and with failures alone. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.cancel();
    const running = new AbortController();
    this.#running = running;
    try {
      return await work(running.signal);
    } catch (error) {
      throw running.signal.aborted ? failure("cancelled") : asFailure(error);
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }

  cancel(): void {
    this.#running?.abort();
  }

  /** From here on nobody cancels what runs. */
  commit(): void {
    this.#running = null;
  }
}

/** Tells how far work is, now and then and at its end. */
export function throttled(
  now: () => number,
  tell: (done: number, total: number) => void,
): (done: number, total: number) => void {
  let toldMs = -Infinity;
  return (done, total) => {
    if (now() - toldMs < TOLD_EVERY_MS && done < total) return;
    toldMs = now();
    tell(done, total);
  };
}
