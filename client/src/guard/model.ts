/**
 * The file of weights, and the class of a message: docs/guard-model.md, section Weights.
 *
 * Invariants: a file is read whole or refused; scores are sums of integers, multiplied and added in one
 * order, so that every device computes the same bits; a message that no class claims is fine.
 */
import { concat, type Bytes } from "../octets.ts";
import { features } from "./features.ts";
import { fold } from "./folding.ts";

const MAGIC = "copconnect guard\0";
export const FINE = "fine";
const MOST_BYTES = 307_200;
const MOST_INFLATED = 1 << 20;
const MOST_BUCKETS = 1 << 18;
/** A weight is one of so many whole numbers: half a byte. */
const LEVELS = 16;
const MOST_LEVEL = (1 << 15) - 1;
const MOST_CLASSES = 32;
const BLOCKS = ["chars", "words", "shape"] as const;

/** A file of weights, a policy or a list of pictures that is truncated, too long or not one. */
export class Malformed extends Error {}

interface Block {
  readonly factor: number;
  readonly spread: number;
}

export class Model {
  readonly number: number;
  readonly classes: readonly string[];
  readonly #buckets: number;
  readonly #blocks: readonly Block[];
  readonly #scales: readonly number[];
  readonly #biases: readonly number[];
  readonly #thresholds: readonly number[];
  readonly #lookalikes: ReadonlyMap<string, string>;
  /** The row of each bucket; -1: training dropped it, and it counts nothing. */
  readonly #rows: Int32Array;
  /** Row by row, one for each class. */
  readonly #weights: Int16Array;

  /** Read a file of weights. Throws Malformed. */
  static async read(data: Bytes): Promise<Model> {
    const start = MAGIC.length + 4;
    const magic = String.fromCharCode(...data.subarray(0, MAGIC.length));
    if (data.length > MOST_BYTES || data.length < start || magic !== MAGIC)
      throw new Malformed("not a file of weights");
    const length = new DataView(data.buffer, data.byteOffset).getUint32(MAGIC.length);
    const head = parsed(data.subarray(start, start + length));
    return new Model(head, await inflated(data.subarray(start + length)));
  }

  private constructor(head: Record<string, unknown>, body: Uint8Array) {
    this.number = integer(head["number"], Number.MAX_SAFE_INTEGER);
    this.classes = list(head["classes"]).map(String);
    const distinct = new Set([FINE, ...this.classes]).size === this.classes.length + 1;
    if (!distinct || this.classes.length === 0 || this.classes.length > MOST_CLASSES)
      throw new Malformed("classes repeat");
    this.#buckets = integer(head["buckets"], MOST_BUCKETS);
    if (this.#buckets < 8 || (this.#buckets & (this.#buckets - 1)) !== 0)
      throw new Malformed("no power of two");
    const blocks = object(head["blocks"]);
    this.#blocks = BLOCKS.map((name) => {
      const [factor, spread] = numbers(blocks[name], 2);
      return { factor: factor ?? 0, spread: spread ?? 0 };
    });
    this.#scales = numbers(head["scales"], this.classes.length);
    this.#biases = numbers(head["biases"], this.classes.length);
    this.#thresholds = numbers(head["thresholds"], this.classes.length);
    this.#lookalikes = new Map(
      Object.entries(object(head["lookalikes"])).map(([one, other]) => [one, String(other)]),
    );
    const levels = numbers(head["levels"], LEVELS);
    if (levels.some((level) => !Number.isSafeInteger(level) || Math.abs(level) > MOST_LEVEL))
      throw new Malformed("a level is out of range");
    const { rows, kept } = rowsOf(body, this.#buckets);
    const halves = body.subarray(this.#buckets >> 3);
    const count = kept * this.classes.length;
    if (body.length < this.#buckets >> 3 || halves.length !== (count + 1) >> 1)
      throw new Malformed("the weights are truncated or too long");
    this.#rows = rows;
    this.#weights = new Int16Array(count);
    for (let at = 0; at < count; at++) {
      const byte = halves[at >> 1] ?? 0;
      this.#weights[at] = levels[at % 2 === 0 ? byte & 15 : byte >> 4] ?? 0;
    }
  }

  /** How far each class lies above its threshold, in the order of `classes`. */
  scores(text: string): number[] {
    const found = features(fold(text, this.#lookalikes), this.#buckets);
    const width = this.classes.length;
    const totals = new Array<number>(width).fill(0);
    for (const [number, members] of [found.chars, found.words, found.shape].entries()) {
      const { factor, spread } = this.#blocks[number] ?? { factor: 0, spread: 0 };
      const sums = new Array<number>(width).fill(0);
      for (const bucket of members) {
        const row = this.#rows[bucket] ?? -1;
        if (row < 0) continue;
        for (let at = 0; at < width; at++)
          sums[at] = (sums[at] ?? 0) + (this.#weights[row * width + at] ?? 0);
      }
      const norm = members.size > 0 ? factor / Math.sqrt(members.size + spread) : 0;
      for (let at = 0; at < width; at++) totals[at] = (totals[at] ?? 0) + (sums[at] ?? 0) * norm;
    }
    return totals.map(
      (total, at) =>
        total * (this.#scales[at] ?? 0) + (this.#biases[at] ?? 0) - (this.#thresholds[at] ?? 0),
    );
  }

  /** The class that claims a message most, or {@link FINE}. */
  classify(text: string): string {
    const scores = this.scores(text);
    const best = Math.max(...scores);
    return best > 0 ? (this.classes[scores.indexOf(best)] ?? FINE) : FINE;
  }
}

/** The row of each bucket whose bit is set, in order, and their count; -1 for the others. */
function rowsOf(bits: Uint8Array, buckets: number): { rows: Int32Array; kept: number } {
  const rows = new Int32Array(buckets).fill(-1);
  let kept = 0;
  for (let bucket = 0; bucket < buckets; bucket++)
    if ((((bits[bucket >> 3] ?? 0) >> (bucket & 7)) & 1) === 1) rows[bucket] = kept++;
  return { rows, kept };
}

async function inflated(deflated: Bytes): Promise<Uint8Array> {
  const reader = new Blob([deflated])
    .stream()
    .pipeThrough(new DecompressionStream("deflate"))
    .getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new Malformed("the weights cannot be inflated");
    });
    if (done) return concat(...parts);
    parts.push(value);
    size += value.length;
    if (size > MOST_INFLATED) {
      await reader.cancel();
      throw new Malformed("the weights are truncated or too long");
    }
  }
}

function parsed(bytes: Uint8Array): Record<string, unknown> {
  try {
    return object(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed("the head of the weights is not readable");
  }
}

export function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Malformed("a map is expected");
  return value as Record<string, unknown>;
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed("a list is expected");
  return value;
}

function integer(value: unknown, most: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 1 || value > most)
    throw new Malformed("a number is out of range");
  return value;
}

function numbers(value: unknown, count: number): readonly number[] {
  const found = list(value).map((one) => {
    if (typeof one !== "number" || !Number.isFinite(one)) throw new Malformed("no number");
    return one;
  });
  if (found.length !== count) throw new Malformed("a number for each class is expected");
  return found;
}
