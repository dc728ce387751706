/**
 * Sorted words with ascending numbers each, front-coded: `shared ‖ length ‖ rest ‖ bytes ‖ steps`, all
 * varints of 7 bits. A word is a string of its UTF-8 bytes, so that the order of strings is the order of
 * bytes. Pure.
 */
import { utf8, type Bytes } from "../octets.ts";

/** Words between two places from which a reader can begin. */
const STRIDE = 16;

/** A word as dictionaries hold it. */
export function packed(word: string): string {
  return String.fromCharCode(...utf8(word));
}

export class ByteWriter {
  #bytes = new Uint8Array(1_024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) {
      const wider = new Uint8Array(this.#bytes.length * 2);
      wider.set(this.#bytes);
      this.#bytes = wider;
    }
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    let left = value;
    for (; left >= 0x80; left = Math.floor(left / 0x80)) this.byte((left % 0x80) + 0x80);
    this.byte(left);
  }

  /** A number that may be below 0. */
  signed(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value);
  }

  done(): Bytes {
    return this.#bytes.slice(0, this.#length);
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get ended(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.at++] ?? 0;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1; ; unit *= 0x80) {
      const byte = this.byte();
      if (byte < 0x80) return value + byte * unit;
      value += (byte - 0x80) * unit;
    }
  }

  signed(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  text(length: number): string {
    let text = "";
    for (let left = length; left > 0; left--) text += String.fromCharCode(this.byte());
    return text;
  }
}

export class DictionaryWriter {
  readonly #out = new ByteWriter();
  #last = "";

  /** Words come in order, numbers ascend. */
  add(word: string, numbers: readonly number[]): void {
    let shared = 0;
    while (shared < word.length && word[shared] === this.#last[shared]) shared++;
    const out = this.#out;
    out.varint(shared);
    out.varint(word.length - shared);
    for (let at = shared; at < word.length; at++) out.byte(word.charCodeAt(at));
    const steps = new ByteWriter();
    let before = 0;
    for (const number of numbers) {
      steps.varint(number - before);
      before = number;
    }
    out.varint(steps.length);
    for (const byte of steps.done()) out.byte(byte);
    this.#last = word;
  }

  done(): Bytes {
    return this.#out.done();
  }
}

/** A place in a dictionary: a word and its numbers. */
export class DictionaryCursor {
  readonly #reader: ByteReader;
  #end: number;
  word: string;

  /** After the entry that ends at `at` with `word`; {@link next} comes to the first of the rest. */
  constructor(bytes: Uint8Array, at = 0, word = "") {
    this.#reader = new ByteReader(bytes, at);
    this.#end = at;
    this.word = word;
  }

  /** The place after the entry. */
  get end(): number {
    return this.#end;
  }

  /** Come to the next word; false: there is none. */
  next(): boolean {
    const reader = this.#reader;
    reader.at = this.#end;
    if (reader.ended) return false;
    const shared = reader.varint();
    const length = reader.varint();
    this.word = this.word.slice(0, shared) + reader.text(length);
    const bytes = reader.varint();
    this.#end = reader.at + bytes;
    return true;
  }

  /** Hand over the numbers of this word, once. */
  numbers(take: (number: number) => void): void {
    const reader = this.#reader;
    for (let number = 0; reader.at < this.#end;) take((number += reader.varint()));
  }
}

/** A dictionary that can be looked up. */
export class Dictionary {
  readonly bytes: Uint8Array;
  /** Every so many words: the word before, and where its entry ends. */
  readonly #starts: { readonly word: string; readonly at: number }[] = [{ word: "", at: 0 }];

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  static *open(bytes: Uint8Array): Generator<void, Dictionary> {
    const opened = new Dictionary(bytes);
    const cursor = new DictionaryCursor(bytes);
    for (let count = 1; cursor.next(); count++) {
      if (count % STRIDE !== 0) continue;
      opened.#starts.push({ word: cursor.word, at: cursor.end });
      yield;
    }
    return opened;
  }

  /** Hand over the numbers of each word that begins so, or of this word alone. */
  find(prefix: string, whole: boolean, take: (number: number) => void): void {
    const cursor = this.#before(prefix);
    while (cursor.next()) {
      if (cursor.word < prefix) continue;
      if (whole ? cursor.word !== prefix : !cursor.word.startsWith(prefix)) return;
      cursor.numbers(take);
    }
  }

  /** Hand over the numbers of the words at these places, which ascend. */
  at(places: readonly number[], take: (number: number) => void): void {
    let cursor = new DictionaryCursor(this.bytes);
    let count = 0;
    for (const place of places) {
      const start = Math.floor(place / STRIDE);
      const { word, at } = this.#starts[start] ?? { word: "", at: 0 };
      if (start * STRIDE > count) {
        cursor = new DictionaryCursor(this.bytes, at, word);
        count = start * STRIDE;
      }
      while (count <= place && cursor.next()) count++;
      cursor.numbers(take);
    }
  }

  #before(prefix: string): DictionaryCursor {
    let [low, high] = [0, this.#starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle]?.word ?? "") < prefix) low = middle;
      else high = middle - 1;
    }
    const { word, at } = this.#starts[low] ?? { word: "", at: 0 };
    return new DictionaryCursor(this.bytes, at, word);
  }
}
