/**
 * Pictures that moderators marked, known by their perceptual hashes: docs/guard-model.md, section
 * Known pictures. `conduct/guard/pictures.py` writes the same list.
 *
 * Invariant: a list is read whole or refused. Pure.
 */
import { KNOWN_PICTURES, PICTURE_HASH_BYTES } from "../limits.ts";
import { concat, equalBytes, fromHex, toHex, utf8, type Bytes } from "../octets.ts";
import type { GuardPictures } from "../wire.ts";
import { Malformed } from "./model.ts";

const LABEL = utf8("copconnect pictures v1\0");
/** Copies of a picture differ in at most so many of 256 bits, other pictures in more. */
export const NEAR = 26;
const WORDS = PICTURE_HASH_BYTES / 4;

/** The list of one number. */
export class Pictures {
  /** As the guard record names it by its hash. */
  readonly bytes: Bytes;
  /** Class by hash in hex, ascending. */
  readonly #claimed: ReadonlyMap<string, string>;
  readonly #classes: readonly string[];
  readonly #words: Uint32Array;

  private constructor(claimed: ReadonlyMap<string, string>) {
    if (claimed.size > KNOWN_PICTURES) throw new Malformed("too many pictures");
    this.#claimed = new Map([...claimed].sort(([one], [other]) => (one < other ? -1 : 1)));
    this.#classes = [...this.#claimed.values()];
    const parts = [...this.#claimed].map(([hash, name]) => {
      const text = utf8(name);
      if (text.length === 0 || text.length > 32) throw new Malformed("a class is too long");
      return concat(fromHex(hash), Uint8Array.of(text.length), text);
    });
    this.bytes = concat(LABEL, ...parts);
    const all = concat(...[...this.#claimed.keys()].map(fromHex));
    this.#words = new Uint32Array(all.buffer, all.byteOffset, this.#claimed.size * WORDS);
  }

  static readonly NONE = new Pictures(new Map());

  /** Read a list. Throws Malformed. */
  static read(bytes: Uint8Array): Pictures {
    const claimed = new Map<string, string>();
    let at = LABEL.length;
    if (!equalBytes(bytes.subarray(0, at), LABEL)) throw new Malformed("not a list of pictures");
    let former = "";
    while (at < bytes.length) {
      const hash = toHex(bytes.subarray(at, at + PICTURE_HASH_BYTES));
      const length = bytes[at + PICTURE_HASH_BYTES] ?? 0;
      const start = at + PICTURE_HASH_BYTES + 1;
      at = start + length;
      if (at > bytes.length || hash <= former) throw new Malformed("the list is truncated");
      former = hash;
      claimed.set(hash, new TextDecoder().decode(bytes.subarray(start, at)));
    }
    const read = new Pictures(claimed);
    if (!equalBytes(read.bytes, bytes)) throw new Malformed("the list has another form");
    return read;
  }

  /** The list after changes. Throws Malformed where they are not about pictures. */
  changed({ marked, unmarked }: Pick<GuardPictures, "marked" | "unmarked">): Pictures {
    const claimed = new Map(this.#claimed);
    for (const hash of hashesIn(unmarked)) claimed.delete(hash);
    for (const group of marked)
      for (const hash of hashesIn(group.hashes)) claimed.set(hash, group.claimed);
    return new Pictures(claimed);
  }

  get size(): number {
    return this.#classes.length;
  }

  /** The class of the nearest marked picture; null: none is near. `hash`: 32 bytes. */
  claimed(hash: Uint8Array): string | null {
    if (hash.length !== PICTURE_HASH_BYTES) return null;
    const wanted = new Uint32Array(Uint8Array.from(hash).buffer);
    let [nearest, found] = [NEAR + 1, -1];
    for (let picture = 0; picture < this.#classes.length; picture++) {
      let distance = 0;
      for (let word = 0; word < WORDS && distance < nearest; word++)
        distance += ones((this.#words[picture * WORDS + word] ?? 0) ^ (wanted[word] ?? 0));
      if (distance < nearest) [nearest, found] = [distance, picture];
    }
    return this.#classes[found] ?? null;
  }
}

/** How many bits of a 32-bit word are set. */
function ones(word: number): number {
  let left = word - ((word >>> 1) & 0x55555555);
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function hashesIn(all: Uint8Array): readonly string[] {
  if (all.length % PICTURE_HASH_BYTES !== 0) throw new Malformed("a hash is truncated");
  return Array.from({ length: all.length / PICTURE_HASH_BYTES }, (_, index) =>
    toHex(all.subarray(index * PICTURE_HASH_BYTES, (index + 1) * PICTURE_HASH_BYTES)),
  );
}
