/** Times of one operation, and their median. */
export class Times {
  readonly #ms: number[] = [];

  async of<T>(work: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await work();
    this.#ms.push(performance.now() - began);
    return result;
  }

  get median(): number {
    const sorted = [...this.#ms].sort((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? NaN;
  }
}
