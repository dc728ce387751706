/**
 * One thing a screen waits for: loading, there, or failed with a way to try again. `slow` turns
 * true after 300 ms, and only then does a screen show a skeleton.
 */
const PATIENCE_MS = 300;

export class Loading<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  slow = $state(false);
  #make: (() => Promise<T>) | null = null;
  #run = 0;

  /** Load; an earlier load that is still under way no longer counts. */
  async load(make: () => Promise<T>): Promise<void> {
    const run = ++this.#run;
    this.#make = make;
    this.error = null;
    const timer = setTimeout(() => {
      if (run === this.#run) this.slow = true;
    }, PATIENCE_MS);
    try {
      const value = await make();
      if (run === this.#run) this.value = value;
    } catch (error) {
      if (run === this.#run) this.error = error ?? new Error("rejected without a reason");
    } finally {
      clearTimeout(timer);
      if (run === this.#run) this.slow = false;
    }
  }

  /** Forget what there is; a load that is under way no longer counts. */
  clear(): void {
    this.#run++;
    this.value = null;
    this.error = null;
    this.slow = false;
  }

  /** Do the last load again. */
  retry = (): void => {
    if (this.#make !== null) void this.load(this.#make);
  };
}
