/**
 * The ZIP of an export (docs/export.md): entries are stored as they are, one after another from the first
 * byte to the directory, without comments. Any unpacker opens it, its size says how much it unpacks to,
 * and no two programs can read different contents from it. Any other ZIP is refused.
 */
import { Zip, ZipPassThrough } from "fflate";
import { sha256 } from "@noble/hashes/sha2.js";
import { failure } from "../failure.ts";
import { copy, toHex, type Bytes } from "../octets.ts";

/** A larger ZIP needs other headers, and takes a phone longer than a person waits. */
const MOST_ARCHIVE_BYTES = 2_000_000_000;
const MOST_ENTRIES = 60_000;
/** The longest name: files/, 32 digits, a dot and eight characters. */
const MOST_NAME = 47;
/** Bytes held in memory before the browser gets them, which keeps them on disk. */
const PART_BYTES = 4 * 1024 * 1024;
const NAME = /^(?:manifest\.json|log\.jsonl|trust\.json|files\/[0-9a-f]{32}(?:\.[a-z0-9]{1,8})?)$/u;

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const DIRECTORY = 0x02014b50;
const END = 0x06054b50;
const SIZES = { local: 30, descriptor: 16, directory: 46, end: 22 } as const;
/** The flags of an entry: its sizes follow the data (0x0008), and its name is UTF-8 (0x0800). */
const FLAGS = new Set([0x0008, 0x0808]);

export class ArchiveWriter {
  readonly #blobs: Blob[] = [];
  readonly #digest = sha256.create();
  readonly #zip: Zip;
  readonly #mtime: Date;
  #held: Bytes[] = [];
  #heldBytes = 0;
  #bytes = 0;

  constructor(madeMs: number) {
    this.#mtime = new Date(madeMs);
    this.#zip = new Zip((error, part) => {
      if (error) throw error;
      this.#take(copy(part));
    });
  }

  /** Begin an entry, the one before is whole; write its bytes with the function that this returns. */
  begin(name: string): ArchiveEntry {
    const file = new ZipPassThrough(name);
    file.mtime = this.#mtime;
    this.#zip.add(file);
    const digest = sha256.create();
    return {
      write: (bytes) => {
        digest.update(bytes);
        file.push(bytes);
      },
      end: () => {
        file.push(new Uint8Array(0), true);
        return toHex(digest.digest());
      },
    };
  }

  /** The whole archive and its SHA-256. */
  done(): { readonly file: Blob; readonly sha256: Bytes } {
    this.#zip.end();
    this.#flush();
    return {
      file: new Blob(this.#blobs, { type: "application/zip" }),
      sha256: copy(this.#digest.digest()),
    };
  }

  #take(part: Bytes): void {
    this.#bytes += part.length;
    if (this.#bytes > MOST_ARCHIVE_BYTES)
      throw failure("export_too_large", { details: { limit: MOST_ARCHIVE_BYTES } });
    this.#digest.update(part);
    this.#held.push(part);
    this.#heldBytes += part.length;
    if (this.#heldBytes >= PART_BYTES) this.#flush();
  }

  #flush(): void {
    this.#blobs.push(new Blob(this.#held));
    this.#held = [];
    this.#heldBytes = 0;
  }
}

export interface ArchiveEntry {
  readonly write: (bytes: Uint8Array) => void;
  /** Hex of its SHA-256. */
  readonly end: () => string;
}

/** A file that is no such archive. */
export class BadArchive extends Error {}

/** The entries of an archive by name, in their order. Throws {@link BadArchive}, `export_too_large`. */
export async function openArchive(file: Blob): Promise<ReadonlyMap<string, Blob>> {
  if (file.size > MOST_ARCHIVE_BYTES)
    throw failure("export_too_large", {
      details: { limit: MOST_ARCHIVE_BYTES, reason: "larger than an export" },
    });
  const end = await view(file, file.size - SIZES.end, SIZES.end);
  require(end.getUint32(0, true) === END && end.getUint16(20, true) === 0, "no end of a ZIP");
  const count = end.getUint16(10, true);
  const size = end.getUint32(12, true);
  const start = end.getUint32(16, true);
  require(count <= MOST_ENTRIES && start + size + SIZES.end === file.size, "a directory elsewhere");
  require(size <= count * (SIZES.directory + MOST_NAME), "a directory that is too large");
  const directory = await view(file, start, size);
  const entries = new Map<string, Blob>();
  let at = 0;
  let next = 0;
  for (let number = 0; number < count; number++) {
    require(at + SIZES.directory <= size &&
      directory.getUint32(at, true) === DIRECTORY, "no entry");
    const nameBytes = directory.getUint16(at + 28, true);
    const plain =
      FLAGS.has(directory.getUint16(at + 8, true)) &&
      directory.getUint32(at + 30, true) === 0 &&
      directory.getUint16(at + 10, true) === 0;
    require(plain && at + SIZES.directory + nameBytes <= size, "an entry that is not stored");
    const bytes = directory.getUint32(at + 20, true);
    const offset = directory.getUint32(at + 42, true);
    const same = bytes === directory.getUint32(at + 24, true) && offset === next;
    require(same, "an entry that does not follow the one before");
    const name = ascii(directory, at + SIZES.directory, nameBytes);
    require(NAME.test(name) && !entries.has(name), "a name that does not belong here");
    const data = offset + SIZES.local + nameBytes;
    next = data + bytes + SIZES.descriptor;
    require(next <= start, "an entry beyond the directory");
    await requireLocal(file, offset, name, data + bytes);
    entries.set(name, file.slice(data, data + bytes));
    at += SIZES.directory + nameBytes;
  }
  require(at === size && next === start, "bytes that no entry names");
  return entries;
}

/** The headers beside the data say the same name, and nothing else. */
async function requireLocal(file: Blob, offset: number, name: string, end: number): Promise<void> {
  const header = await view(file, offset, SIZES.local + name.length);
  const fits =
    header.getUint32(0, true) === LOCAL &&
    FLAGS.has(header.getUint16(6, true)) &&
    header.getUint16(8, true) === 0 &&
    header.getUint16(26, true) === name.length &&
    header.getUint16(28, true) === 0 &&
    ascii(header, SIZES.local, name.length) === name;
  const descriptor = await view(file, end, SIZES.descriptor);
  require(fits && descriptor.getUint32(0, true) === DESCRIPTOR, "headers that differ");
}

async function view(file: Blob, start: number, size: number): Promise<DataView> {
  require(start >= 0 && start + size <= file.size, "a part beyond the end");
  return new DataView(await file.slice(start, start + size).arrayBuffer());
}

function ascii(bytes: DataView, start: number, size: number): string {
  let text = "";
  for (let at = start; at < start + size; at++) text += String.fromCharCode(bytes.getUint8(at));
  return text;
}

function require(holds: boolean, reason: string): asserts holds {
  if (!holds) throw new BadArchive(reason);
}
