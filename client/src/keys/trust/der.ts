/**
 * DER (X.690) as certificates use it: definite, minimal lengths and one-byte tags only. Pure.
 *
 * A reader gives views of its input, one element after another, and ends where its element ends.
 * Everything else is refused by E0: a certificate has exactly one encoding.
 */
import { Refused, refuseUnless } from "../format/refused.ts";

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** [0] to [3], constructed. */
  context0: 0xa0,
  context3: 0xa3,
  /** [6] of GeneralName, primitive. */
  uri: 0x86,
} as const;

export class DerReader {
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at === this.#end;
  }

  end(what: string): void {
    refuseUnless(this.done, "E0", `trailing bytes in ${what}`);
  }

  /** The tag of the next element; -1 at the end. */
  get tag(): number {
    return this.done ? -1 : (this.#bytes[this.#at] ?? -1);
  }

  /** The content of the next element, which must have this tag. */
  content(tag: number): Uint8Array {
    return this.#bytes.subarray(...this.#take(tag));
  }

  /** The next element with its tag and length. */
  whole(tag: number): Uint8Array {
    const from = this.#at;
    const [, to] = this.#take(tag);
    return this.#bytes.subarray(from, to);
  }

  /** A reader of the next element's content. */
  inside(tag: number): DerReader {
    return new DerReader(this.#bytes, ...this.#take(tag));
  }

  boolean(): boolean {
    const [value, ...more] = this.content(TAG.boolean);
    refuseUnless((value === 0xff || value === 0) && more.length === 0, "E0", "not a boolean");
    return value === 0xff;
  }

  /** An integer of at most three bytes, not negative. */
  smallInteger(): number {
    const bytes = this.content(TAG.integer);
    requireInteger(bytes);
    refuseUnless(bytes.length <= 3 && (bytes[0] as number) < 0x80, "E0", "number is out of range");
    return bytes.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** Content of an INTEGER of any size. */
  integer(): Uint8Array {
    const bytes = this.content(TAG.integer);
    requireInteger(bytes);
    return bytes;
  }

  /** Content of a BIT STRING; `unused`: how many bits of the last byte do not count. */
  bits(): { readonly unused: number; readonly bytes: Uint8Array } {
    const content = this.content(TAG.bitString);
    const unused = content[0] ?? 8;
    const right = unused < 8 && (content.length > 1 || unused === 0);
    refuseUnless(right, "E0", "not a bit string");
    return { unused, bytes: content.subarray(1) };
  }

  /** BIT STRING of whole bytes. */
  octetsInBits(): Uint8Array {
    const { unused, bytes } = this.bits();
    refuseUnless(unused === 0, "E0", "bit string is not of whole bytes");
    return bytes;
  }

  /** UTCTime or GeneralizedTime (RFC 5280 section 4.1.2.5), in ms since 1970. */
  time(): number {
    const long = this.tag === TAG.generalizedTime;
    const text = String.fromCharCode(...this.content(long ? TAG.generalizedTime : TAG.utcTime));
    const parts = (long ? LONG_TIME : SHORT_TIME).exec(text);
    if (parts === null) throw new Refused("E0", "not a time");
    const [years = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
      .slice(1)
      .map(Number);
    const year = long ? years : years + (years < 50 ? 2000 : 1900);
    const ms = Date.UTC(year, month - 1, day, hour, minute, second);
    const date = new Date(ms);
    const exists = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
    refuseUnless(exists && hour < 24 && minute < 60 && second < 60, "E0", "no such time");
    return ms;
  }

  /** The bounds of the next element's content; moves behind it. */
  #take(tag: number): [from: number, to: number] {
    const bytes = this.#bytes;
    refuseUnless(this.tag === tag, "E0", "certificate cannot be parsed");
    let at = this.#at + 1;
    let length = at < this.#end ? (bytes[at++] as number) : -1;
    if (length >= 0x80) {
      const size = length & 0x7f;
      // More than 16 MB is no certificate.
      refuseUnless(size >= 1 && size <= 3 && at + size <= this.#end, "E0", "wrong length");
      length = 0;
      for (const stop = at + size; at < stop; at++) length = length * 256 + (bytes[at] as number);
      const minimal = length >= (size === 1 ? 0x80 : 256 ** (size - 1));
      refuseUnless(minimal, "E0", "length is not minimal");
    }
    refuseUnless(length >= 0 && at + length <= this.#end, "E0", "certificate is truncated");
    this.#at = at + length;
    return [at, this.#at];
  }
}

const SHORT_TIME = /^([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z$/u;
const LONG_TIME = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z$/u;

function requireInteger(bytes: Uint8Array): void {
  const [first = 0, second = 0] = bytes;
  const padded =
    bytes.length > 1 && (first === 0 ? second < 0x80 : first === 0xff && second > 0x7f);
  refuseUnless(bytes.length > 0 && !padded, "E0", "integer is not minimal");
}
