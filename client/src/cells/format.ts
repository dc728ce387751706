/**
 * What records, headers and seals of the cell format share (docs/protocol.md, "Cells", version 1):
 * KEMs and their sizes, the tags that separate what is signed and hashed, and a reader of
 * fixed-size fields. Exact: no padding, trailing bytes refused. Ids and hashes are hex once parsed.
 */
import { concat, toHex, utf8, type Bytes } from "../octets.ts";
import { CellRefused } from "./refused.ts";

/** HPKE KEM identifiers (RFC 9180 section 7.1; X-Wing: draft-connolly-cfrg-xwing-kem). */
export const X25519 = 0x0020;
export const XWING = 0x647a;
export type KemId = typeof X25519 | typeof XWING;

interface KemBytes {
  readonly publicKey: number;
  readonly enc: number;
}

const KEM_BYTES: ReadonlyMap<number, KemBytes> = new Map([
  [X25519, { publicKey: 32, enc: 32 }],
  [XWING, { publicKey: 1216, enc: 1120 }],
]);

export const VERSION = 1;
export const SIGNATURE_BYTES = 64;

/** T(s) of CELLS.md: separates what one key signs or hashes for one purpose from another. */
function tag(text: string): Bytes {
  return utf8(`${text}\0`);
}

export const TAG = {
  cellKey: tag("CELLS-v1 cell-key"),
  keyId: tag("CELLS-v1 key-id"),
  body: tag("CELLS-v1 body"),
  seal: tag("CELLS-v1 seal"),
  cells: tag("CELLS-v1 cells"),
  message: tag("CELLS-v1 message"),
} as const;

export function isKem(kem: number): kem is KemId {
  return KEM_BYTES.has(kem);
}

export function kemBytes(kem: KemId): KemBytes {
  return KEM_BYTES.get(kem) as KemBytes;
}

/** Reads fixed-size fields front to back. The caller has checked the length. */
export class Fields {
  readonly #bytes: Bytes;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  bytes(length: number): Bytes {
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }

  hex(length: number): string {
    return toHex(this.bytes(length));
  }

  version(): void {
    if (this.bytes(1)[0] !== VERSION) throw malformed("unknown version");
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  kem(): KemId {
    const kem = this.u16();
    if (!isKem(kem)) throw new CellRefused("wrong_kem", "this KEM is not spoken here");
    return kem;
  }

  /** Beyond 2^53 - 1 nothing can be counted here, and nothing honest counts that far. */
  u64(): number {
    this.#at += 8;
    const value = this.#view.getBigUint64(this.#at - 8);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed("number out of range");
    return Number(value);
  }
}

export function malformed(message: string): CellRefused {
  return new CellRefused("malformed", message);
}

export function u16(value: number): Bytes {
  return Uint8Array.of(value >> 8, value & 0xff);
}

/** The bytes of fields whose sizes the format fixes; a wrong size is a fault of the caller. */
export function assembled(length: number, ...parts: readonly Uint8Array[]): Bytes {
  const bytes = concat(...parts);
  if (bytes.length !== length) throw new RangeError("a field has the wrong size");
  return bytes;
}
