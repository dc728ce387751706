/**
 * Whose turn it is to join, among the whole clients of one process: from asking for the lease of a
 * cell until the commit is answered. Phones join each on its own processor; here as many at once
 * would have one thread, and the leases (5 s) end before the commits that they are for.
 */
export class JoinTurns {
  #taken = false;
  readonly #waiting: (() => void)[] = [];

  /**
   * Wait for a turn; null: none came within `waitMs`. Call what comes to give it back; after
   * `keepMs` it ends by itself.
   */
  async take(waitMs: number, keepMs: number): Promise<(() => void) | null> {
    if (this.#taken && !(await this.#called(waitMs))) return null;
    this.#taken = true;
    let given = false;
    const giveBack = (): void => {
      clearTimeout(end);
      if (given) return;
      given = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#taken = false;
      else next();
    };
    const end = setTimeout(giveBack, keepMs);
    return giveBack;
  }

  #called(waitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const call = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(call), 1);
        resolve(false);
      }, waitMs);
      this.#waiting.push(call);
    });
  }
}
