/**
 * People by pages: the first page at once, the next as the list nears its end. A new query drops
 * what is still under way for the old one.
 */
import type { PeopleQuery } from "@copconnect/client/core";
import type { Person } from "@copconnect/client/wire";
import { core } from "../../app/core.ts";

const PAGE = 60;
const PATIENCE_MS = 300;

export class PeoplePages {
  people = $state.raw<readonly Person[]>([]);
  total = $state<number | null>(null);
  error = $state.raw<unknown>(null);
  /** Waiting for longer than 300 ms with nothing to show. */
  slow = $state(false);
  #query: PeopleQuery | null = null;
  #next: string | null = null;
  #run = 0;
  #busy = false;

  /** Whether the answer to the current query has come and is empty. */
  get empty(): boolean {
    return this.total === 0 && this.error === null;
  }

  async ask(query: PeopleQuery): Promise<void> {
    const run = ++this.#run;
    this.#query = query;
    this.error = null;
    const timer = setTimeout(() => {
      if (run === this.#run) this.slow = true;
    }, PATIENCE_MS);
    try {
      const page = await core().people({ ...query, limit: PAGE });
      if (run !== this.#run) return;
      this.people = page.people;
      this.total = page.total;
      this.#next = page.next;
    } catch (error) {
      if (run !== this.#run) return;
      this.people = [];
      this.total = null;
      this.#next = null;
      this.error = error ?? new Error("rejected without a reason");
    } finally {
      clearTimeout(timer);
      if (run === this.#run) this.slow = false;
    }
  }

  /** The next page, if there is one and nothing is under way. */
  async more(): Promise<void> {
    if (this.#busy || this.#next === null || this.#query === null) return;
    const run = this.#run;
    this.#busy = true;
    try {
      const page = await core().people({ ...this.#query, after: this.#next, limit: PAGE });
      if (run !== this.#run) return;
      this.people = [...this.people, ...page.people];
      this.total = page.total;
      this.#next = page.next;
    } catch {
      // The list keeps what it has; scrolling on asks again.
    } finally {
      this.#busy = false;
    }
  }

  retry(): void {
    if (this.#query !== null) void this.ask(this.#query);
  }
}
