/**
 * Fields of records, front to back (docs/keys.md). Exact: every byte belongs to a field,
 * trailing bytes and integers above 2^53 - 1 are refused, lists ascend, text is valid UTF-8. A
 * record that parses therefore encodes to the same bytes. Pure.
 */
import { concat, copy, utf8, type Bytes, compareBytes } from "../../octets.ts";
import { Refused, refuseUnless } from "./refused.ts";

/** High half of 2^53 - 1. */
const HIGHEST_HALF = 0x1fffff;

export class Reader {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  /** The number of the rule that refuses what is malformed. */
  readonly rule: string;
  #at = 0;

  constructor(bytes: Uint8Array, rule: string) {
    this.#bytes = copy(bytes);
    this.#view = new DataView(this.#bytes.buffer);
    this.rule = rule;
  }

  /** The place where the next field begins. */
  get at(): number {
    return this.#at;
  }

  /** A view of the reader's own copy of the input. */
  take(size: number): Bytes {
    this.require(this.#at + size <= this.#bytes.length, "truncated");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** The bytes read before, from one place to another. */
  slice(from: number, to: number): Bytes {
    return this.#bytes.subarray(from, to);
  }

  uint(size: 1 | 2 | 4 | 8): number {
    this.require(this.#at + size <= this.#bytes.length, "truncated");
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at);
    if (size === 4) return this.#view.getUint32(at);
    const high = this.#view.getUint32(at);
    this.require(high <= HIGHEST_HALF, "integer is out of range");
    return high * 0x1_0000_0000 + this.#view.getUint32(at + 4);
  }

  /** A length (2) and as much UTF-8. */
  text(): string {
    const bytes = this.take(this.uint(2));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) {
      throw new Refused(this.rule, "text is not UTF-8", null, error);
    }
  }

  /** As many byte strings of one size, ascending. */
  ascending(count: number, size: number): readonly Bytes[] {
    const found = Array.from({ length: count }, () => this.take(size));
    this.require(areAscending(found), "list does not ascend");
    return found;
  }

  end(): void {
    this.require(this.#at === this.#bytes.length, "trailing bytes");
  }

  require(condition: boolean, message: string): void {
    refuseUnless(condition, this.rule, message);
  }
}

export function areAscending(items: readonly Uint8Array[]): boolean {
  return items.every(
    (item, index) => index === 0 || compareBytes(items[index - 1] as Uint8Array, item) < 0,
  );
}

/** Joins fields. Values that no field can hold throw RangeError: the caller made them. */
export class Writer {
  readonly #parts: Uint8Array[] = [];

  bytes(value: Uint8Array, size: number): this {
    if (value.length !== size)
      throw new RangeError(`${String(value.length)} bytes instead of ${String(size)}`);
    return this.raw(value);
  }

  raw(value: Uint8Array): this {
    this.#parts.push(value);
    return this;
  }

  uint(value: number, size: 1 | 2 | 4 | 8): this {
    return this.raw(uint(value, size));
  }

  text(value: string): this {
    const bytes = utf8(value);
    if (new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes) !== value)
      throw new RangeError("text has a lone surrogate");
    return this.uint(bytes.length, 2).raw(bytes);
  }

  done(): Bytes {
    return concat(...this.#parts);
  }
}

/** Big-endian, of 1, 2, 4 or 8 bytes. */
export function uint(value: number, size: 1 | 2 | 4 | 8): Bytes {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** size)
    throw new RangeError(`${String(value)} is no integer of ${String(size)} bytes`);
  const bytes = new Uint8Array(size);
  for (let at = size - 1, rest = value; at >= 0; at--, rest = Math.floor(rest / 256))
    bytes[at] = rest % 256;
  return bytes;
}
