/**
 * Signed records: version (1), the fields of a layout in their order, signature (64).
 *
 * A record is immutable and keeps its bytes, so its hash is always that of what was signed. Parsing
 * checks the format alone; {@link RecordFormat.verify} checks the signature, once for each record
 * and key: the result cannot change and is remembered.
 */
import { concat, toHex, type Bytes } from "../../octets.ts";
import { Reader, Writer } from "./fields.ts";
import { hash, tag } from "./hashing.ts";
import { Refused } from "./refused.ts";
import { SIGNATURE_BYTES, sign, verifySignature } from "./signature.ts";

/** How one field is read and written. `before` holds the fields read so far. */
export interface Field<Value> {
  read(reader: Reader, before: Readonly<Record<string, unknown>>): Value;
  write(writer: Writer, value: Value): void;
}

type Layout = Readonly<Record<string, Field<unknown>>>;

export type ValuesOf<L> = {
  readonly [Name in keyof L]: L[Name] extends Field<infer Value> ? Value : never;
};

export interface SignedRecord {
  /** The whole record. */
  readonly bytes: Bytes;
  /** All bytes before the signature. */
  readonly unsigned: Bytes;
  readonly signature: Bytes;
  /** SHA-256 of the whole record. */
  readonly hash: Bytes;
}

export type RecordOf<F> = F extends RecordFormat<infer L> ? ValuesOf<L> & SignedRecord : never;

/** The key under which a record's signature was found right, in hex. */
const verified = new WeakMap<SignedRecord, string>();

interface RecordKind {
  /** The label whose T(label) precedes the signed bytes. */
  readonly label: string;
  /** The rule that refuses a malformed record or a wrong signature. */
  readonly rule: string;
  /** Null: the record carries none. */
  readonly version: number | null;
}

export class RecordFormat<L extends Layout> {
  readonly rule: string;
  readonly #label: Bytes;
  readonly #version: number | null;
  readonly #layout: L;

  constructor(kind: RecordKind, layout: L) {
    this.rule = kind.rule;
    this.#label = tag(kind.label);
    this.#version = kind.version;
    this.#layout = layout;
  }

  /** The record that all of these bytes are, its signature not yet checked. Throws Refused. */
  parse(bytes: Uint8Array, rule: string = this.rule): ValuesOf<L> & SignedRecord {
    const reader = new Reader(bytes, rule);
    const record = this.read(reader);
    reader.end();
    return record;
  }

  /** The record that begins here; other bytes may follow it. */
  read(reader: Reader): ValuesOf<L> & SignedRecord {
    const start = reader.at;
    if (this.#version !== null) reader.require(reader.uint(1) === this.#version, "unknown version");
    const values: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(this.#layout))
      values[name] = field.read(reader, values);
    const end = reader.at;
    const signature = reader.take(SIGNATURE_BYTES);
    const bytes = reader.slice(start, reader.at);
    const unsigned = reader.slice(start, end);
    const signed: SignedRecord = { bytes, unsigned, signature, hash: hash(bytes) };
    return Object.assign(values as ValuesOf<L>, signed);
  }

  /** All bytes before the signature. */
  encodeUnsigned(values: ValuesOf<L>): Bytes {
    const writer = new Writer();
    if (this.#version !== null) writer.uint(this.#version, 1);
    for (const [name, field] of Object.entries(this.#layout))
      field.write(writer, values[name as keyof L]);
    return writer.done();
  }

  /** Sign with a raw Ed25519 seed. Throws RangeError for values that no record can hold. */
  async sign(values: ValuesOf<L>, privateKey: Uint8Array): Promise<ValuesOf<L> & SignedRecord> {
    const unsigned = this.encodeUnsigned(values);
    return this.parse(concat(unsigned, await sign(privateKey, concat(this.#label, unsigned))));
  }

  /** Check the signature by a raw Ed25519 public key. Throws Refused. */
  async verify(record: ValuesOf<L> & SignedRecord, publicKey: Uint8Array): Promise<void> {
    const key = toHex(publicKey);
    if (verified.get(record) === key) return;
    const message = concat(this.#label, record.unsigned);
    if (!(await verifySignature(publicKey, message, record.signature)))
      throw new Refused(this.rule, "signature does not verify");
    verified.set(record, key);
  }
}

// --- Fields -------------------------------------------------------------------------------------

export function bytes(size: number): Field<Uint8Array> {
  return {
    read: (reader) => reader.take(size),
    write: (writer, value) => writer.bytes(value, size),
  };
}

export function integer(size: 1 | 2 | 4 | 8): Field<number> {
  return {
    read: (reader) => reader.uint(size),
    write: (writer, value) => writer.uint(value, size),
  };
}

/** A length of `size` bytes and as many bytes, at most so many. */
export function sized(size: 2 | 4, most: number): Field<Uint8Array> {
  return {
    read: (reader) => {
      const length = reader.uint(size);
      reader.require(length <= most, "longer than it may be");
      return reader.take(length);
    },
    write: (writer, value) => {
      writer.uint(value.length, size).raw(value);
    },
  };
}

/** A length (2) and UTF-8. */
export const text: Field<string> = {
  read: (reader) => reader.text(),
  write: (writer, value) => writer.text(value),
};

/** A count of `size` bytes and as many hashes, ascending. */
export function hashes(size: 1 | 2): Field<readonly Uint8Array[]> {
  return {
    read: (reader) => reader.ascending(reader.uint(size), 32),
    write: (writer, value) => {
      writer.uint(value.length, size);
      for (const one of value) writer.bytes(one, 32);
    },
  };
}
