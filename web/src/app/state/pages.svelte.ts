/**
 * A long list by pages: the first page at once, the next as the list nears its end. A new question
 * drops what is still under way for the old one.
 */
const PATIENCE_MS = 300;

export interface Page<T> {
  readonly items: readonly T[];
  /** The start of the next page; null: this was the last. */
  readonly next: string | null;
  /** How many there are in all, where that is known. */
  readonly total?: number;
}

export type Fetch<T> = (after: string | null) => Promise<Page<T>>;

export class Pages<T> {
  /** Null until the first answer. */
  items = $state.raw<readonly T[] | null>(null);
  total = $state<number | null>(null);
  error = $state.raw<unknown>(null);
  /** Waiting for longer than 300 ms with nothing to show. */
  slow = $state(false);
  next = $state<string | null>(null);
  /** The next page is under way. */
  busy = $state(false);
  #fetch: Fetch<T> | null = null;
  #run = 0;

  /** Whether the answer to the current question has come and is empty. */
  get empty(): boolean {
    return this.items?.length === 0 && this.error === null;
  }

  async ask(fetch: Fetch<T>): Promise<void> {
    const run = ++this.#run;
    this.#fetch = fetch;
    this.error = null;
    this.busy = false;
    const timer = setTimeout(() => {
      if (run === this.#run) this.slow = true;
    }, PATIENCE_MS);
    try {
      const page = await fetch(null);
      if (run === this.#run) this.#takePage([], page);
    } catch (error) {
      if (run !== this.#run) return;
      this.items = null;
      this.total = null;
      this.next = null;
      this.error = error ?? new Error("rejected without a reason");
    } finally {
      clearTimeout(timer);
      if (run === this.#run) this.slow = false;
    }
  }

  /** The next page, if there is one and nothing is under way. */
  async more(): Promise<void> {
    if (this.busy || this.next === null || this.#fetch === null) return;
    const run = this.#run;
    this.busy = true;
    try {
      const page = await this.#fetch(this.next);
      if (run === this.#run) this.#takePage(this.items ?? [], page);
    } catch {
      // The list keeps what it has; scrolling on asks again.
    } finally {
      if (run === this.#run) this.busy = false;
    }
  }

  retry(): void {
    if (this.#fetch !== null) void this.ask(this.#fetch);
  }

  #takePage(before: readonly T[], page: Page<T>): void {
    this.items = [...before, ...page.items];
    this.total = page.total ?? null;
    this.next = page.next;
  }
}
