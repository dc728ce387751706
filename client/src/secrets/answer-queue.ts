/**
 * A bounded queue of the server's requests to this device, which answers one at a time, outside the queues
 * that send and receive. The device drops a request beyond the bound, and one that it cannot answer
 * now: the server asks other devices.
 */
export class AnswerQueue<T> {
  readonly #signal: AbortSignal;
  readonly #most: number;
  readonly #answer: (request: T) => Promise<void>;
  readonly #waiting: T[] = [];
  #running = false;

  /** `most`: how many requests wait at most. */
  constructor(signal: AbortSignal, most: number, answer: (request: T) => Promise<void>) {
    this.#signal = signal;
    this.#most = most;
    this.#answer = answer;
  }

  add(request: T): void {
    if (this.#waiting.length >= this.#most) return;
    this.#waiting.push(request);
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#signal.aborted) break;
      await this.#answer(next).catch(() => undefined);
    }
    this.#running = false;
  }
}
