/**
 * Time that passes only when nothing else is left to do. Timers fire one after another, each when
 * all that the one before began has come to rest, so that hours take no time and the order is
 * decided by timers and seeds alone: the same seed gives the same run.
 *
 * The run takes these decisions from the machine: answers of WebCrypto are handed out
 * one at a time, in the order in which they were asked for, and only when no other task is left;
 * random bytes come from the seed (keys that WebCrypto makes do not, and nothing depends on them).
 */
import { vi } from "vitest";
import { Randomness } from "./randomness.ts";

const SUBTLE = [
  ...(["encrypt", "decrypt", "sign", "verify", "digest", "generateKey"] as const),
  ...(["deriveKey", "deriveBits", "importKey", "exportKey", "wrapKey", "unwrapKey"] as const),
];
/** Streams of bodies take a task that is not counted. */
const QUIET_TURNS = 2;

/** Certificates, and by them the order of a roster's leaves, depend on it. */
const BEGIN_MS = Date.UTC(2026, 0, 5, 6);

type Method = (...args: unknown[]) => Promise<unknown>;

/** An answer that is handed out when it is its turn. */
interface Answer {
  readonly settled: Promise<unknown>;
  readonly release: () => void;
}

export class SimulatedTime {
  readonly random: Randomness;
  readonly #immediate = globalThis.setImmediate;
  #faked = globalThis.setTimeout;
  readonly #answers: Answer[] = [];
  #tasks = 0;
  #running = true;
  #driven: Promise<void> = Promise.resolve();

  private constructor(seed: number) {
    this.random = new Randomness(seed);
  }

  /** From now on, until {@link end}, for everything in this process. */
  static begin(seed: number): SimulatedTime {
    const time = new SimulatedTime(seed);
    vi.useFakeTimers({
      now: BEGIN_MS,
      toFake: [
        ...(["setTimeout", "clearTimeout", "setInterval", "clearInterval"] as const),
        ...(["Date", "performance"] as const),
      ],
    });
    time.#leastMillisecond();
    time.#countTasks();
    time.#queueAnswers();
    const random = <T extends ArrayBufferView | null>(into: T): T => time.random.fill(into);
    vi.spyOn(globalThis.crypto, "getRandomValues").mockImplementation(random);
    time.#driven = time.#drive();
    return time;
  }

  async end(): Promise<void> {
    this.#running = false;
    await this.#driven;
    globalThis.setImmediate = this.#immediate;
    for (const name of SUBTLE) Reflect.deleteProperty(globalThis.crypto.subtle, name);
    for (const { release } of this.#answers) release();
    vi.restoreAllMocks();
    // Vitest restores a faked function only where the fake is installed.
    globalThis.setTimeout = this.#faked;
    vi.useRealTimers();
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** As if everybody's phone and the server had slept: clocks run, timers do not. */
  jump(ms: number): void {
    vi.setSystemTime(Date.now() + ms);
  }

  /** As Node has it: a timer of less than a millisecond that asks again would never see it end. */
  #leastMillisecond(): void {
    const original = globalThis.setTimeout;
    this.#faked = original;
    const timeout = (step: () => void, ms = 0): NodeJS.Timeout =>
      original(step, Math.max(1, Math.ceil(ms)));
    globalThis.setTimeout = timeout as typeof setTimeout;
  }

  #countTasks(): void {
    const immediate = this.#immediate;
    const counted = (task: () => void): NodeJS.Immediate => {
      this.#tasks++;
      return immediate(() => {
        this.#tasks--;
        task();
      });
    };
    globalThis.setImmediate = counted as typeof setImmediate;
  }

  #queueAnswers(): void {
    const { subtle } = globalThis.crypto;
    for (const name of SUBTLE) {
      const original = subtle[name].bind(subtle) as Method;
      const value: Method = (...args) => {
        const settled = original(...args);
        const turn = new Promise<void>((release) => this.#answers.push({ settled, release }));
        settled.catch(() => undefined);
        return turn.then(() => settled);
      };
      Object.defineProperty(subtle, name, { value, configurable: true });
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#immediate(() => resolve()));
  }

  async #drive(): Promise<void> {
    for (let quiet = 0; this.#running;) {
      await this.#turn();
      quiet = this.#tasks > 0 ? 0 : quiet + 1;
      if (quiet < QUIET_TURNS) continue;
      quiet = 0;
      const answer = this.#answers.shift();
      if (answer === undefined) vi.advanceTimersToNextTimer();
      else {
        await answer.settled.catch(() => undefined);
        answer.release();
      }
    }
  }
}
