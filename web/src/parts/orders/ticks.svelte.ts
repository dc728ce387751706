/** Ticks of a checklist between the box and the signature: none is lost that is made meanwhile. */

/** The parts of an acknowledgement that ticks change. */
interface Ticked {
  readonly choice: number;
  readonly done: number;
}

export class Ticks {
  /** Ticks that are not signed yet; null: none. */
  wanted = $state<number | null>(null);
  #signing = false;
  readonly #ticked: () => Ticked | null;
  readonly #sign: (ticked: Ticked) => Promise<void>;

  /** `ticked`: the acknowledgement that ticks change; null: it is not given yet. */
  constructor(ticked: () => Ticked | null, sign: (ticked: Ticked) => Promise<void>) {
    this.#ticked = ticked;
    this.#sign = sign;
  }

  /** These ticks were signed with an acknowledgement. Ticks that were made meanwhile are signed now. */
  async signed(done: number): Promise<void> {
    if (this.wanted === done) this.wanted = null;
    await this.sign();
  }

  /** Sign the ticks of an acknowledgement that was given; ticks that come meanwhile follow. */
  async sign(): Promise<void> {
    if (this.#signing || this.#ticked() === null) return;
    this.#signing = true;
    try {
      for (;;) {
        const ticked = this.#ticked();
        const done = this.wanted;
        if (done === null || ticked === null) return;
        await this.#sign({ choice: ticked.choice, done });
        if (this.wanted === done) this.wanted = null;
      }
    } catch (error) {
      this.wanted = null;
      throw error;
    } finally {
      this.#signing = false;
    }
  }
}
