/** Times of one operation, and their median. */
export class Times {
  readonly #ms: number[] = [];

  /**
   * Time it once, or so many runs of it together: a slowed process runs for 2 ms at a time, so what
   * is shorter must be repeated to be slow at all.
   */
  async of<T>(work: () => Promise<T>, runs = 1): Promise<T> {
    const began = performance.now();
    let result = await work();
    for (let run = 1; run < runs; run++) result = await work();
    this.#ms.push((performance.now() - began) / runs);
    return result;
  }

  get median(): number {
    const sorted = [...this.#ms].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? NaN;
  }
}
