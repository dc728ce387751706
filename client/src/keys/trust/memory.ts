/**
 * The memory of a {@link Judge}: answers, until the records change; and, while one question is
 * answered, how many steps that took, the missing records, and which revocations are being judged.
 *
 * Revocations may void each other in a circle: one is then assumed to count or not (standing.ts).
 * An answer that rests on an assumption about a question still open is not remembered.
 */
import { refuseUnless, type Missing } from "../format/refused.ts";
import type { Revocation } from "./revocation.ts";

const MOST_STEPS = 20_000;
const NOTHING = Number.POSITIVE_INFINITY;

export class Memory {
  /** The revocations that are being judged now, the outermost first. */
  readonly judging: Revocation[] = [];
  readonly #answers = new Map<string, unknown>();
  #version = -1;
  #steps = 0;
  #missing: Missing | null = null;
  /** The lowest place of `judging` that the present answer rests on. */
  #assumed = NOTHING;

  /** Begin a question about records of this version. */
  begin(version: number): void {
    this.#steps = 0;
    this.#missing = null;
    this.#assumed = NOTHING;
    this.judging.length = 0;
    if (this.#version !== version) this.#answers.clear();
    this.#version = version;
  }

  /** Count a step. Refuses by E0 after too many: nobody keeps this device busy with records. */
  step(): void {
    refuseUnless(++this.#steps <= MOST_STEPS, "E0", "too many records to judge");
  }

  /** The certificate, record or key that was not there when the present question was answered. */
  get missing(): Missing | null {
    return this.#missing;
  }

  note(missing: Missing): void {
    this.#missing = missing;
  }

  /** Note that the answer rests on the verdict about the revocation at this place of `judging`. */
  assume(place: number): void {
    this.#assumed = Math.min(this.#assumed, place);
  }

  /** The answer to a question by its name, made once if it is sound and worth keeping. */
  remember<T>(
    kind: "chain" | "counts" | "endorsed" | "verdict",
    name: string,
    make: () => T,
    keep: (answer: T) => boolean = () => true,
  ): T {
    const key = `${kind} ${name}`;
    if (this.#answers.has(key)) return this.#answers.get(key) as T;
    const outer = this.#assumed;
    this.#assumed = NOTHING;
    const answer = make();
    const sound = this.#assumed >= this.judging.length;
    this.#assumed = sound ? outer : Math.min(outer, this.#assumed);
    if (sound && keep(answer)) this.#answers.set(key, answer);
    return answer;
  }
}
