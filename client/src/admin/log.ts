/** The chain of the audit log (docs/protocol.md, "Administration"), the same bytes as the server's. Pure. */
import { concat, u32, u64, utf8, type Bytes, compareBytes } from "../octets.ts";
import { hash, tag } from "../keys/format/hashing.ts";
import type { AuditContent, AuditEntry } from "../wire.ts";

export const ZEROS = new Uint8Array(32);
const ENTRY = tag("copconnect audit v1");
const CONTENT = tag("copconnect audit content v2");

/** The log does not hold. `reason` is a key of the console's words. */
export class Broken extends Error {
  readonly number: number;
  readonly reason: BrokenReason;

  constructor(number: number, reason: BrokenReason) {
    super(`entry ${String(number)}: ${reason}`);
    this.name = "Broken";
    this.number = number;
    this.reason = reason;
  }
}

export type BrokenReason =
  | "missing"
  | "changed"
  | "malformed"
  | "other_device"
  | "unknown_device"
  | "bad_signature"
  | "signed_later"
  | "says_otherwise"
  | "repeated"
  | "not_approved"
  | "not_present"
  | "rolled_back";

function short(text: string): Bytes {
  const bytes = utf8(text);
  return concat(new Uint8Array([bytes.length >> 8, bytes.length & 255]), bytes);
}

function long(bytes: Uint8Array): Bytes {
  return concat(u32(bytes.length), bytes);
}

export function digestOf(content: AuditContent): Bytes {
  const { salt, by, path, act, signedAs, signed, presence } = content;
  const parts = [short(by), short(path), long(utf8(act)), short(signedAs), long(signed)];
  return hash(concat(CONTENT, salt, ...parts, long(presence)));
}

export function entryHash(
  previous: Uint8Array,
  { number, madeMs }: Pick<AuditEntry, "number" | "madeMs">,
  digest: Uint8Array,
): Bytes {
  return hash(concat(ENTRY, previous, u64(number), u64(madeMs), digest));
}

/** Verifies entries in order, some at a time. */
export class LogChain {
  number = 0;
  hash: Uint8Array = ZEROS;

  /** Throws Broken. */
  follow(entry: AuditEntry): void {
    if (entry.number !== this.number + 1) throw new Broken(this.number + 1, "missing");
    const { content, digest } = entry;
    if (content !== null && !same(digestOf(content), digest))
      throw new Broken(entry.number, "changed");
    if (!same(entryHash(this.hash, entry, digest), entry.hash))
      throw new Broken(entry.number, "changed");
    this.number = entry.number;
    this.hash = entry.hash;
  }

  /** Check that the last entry is the newest that the server names. Throws Broken. */
  end(newest: number, newestHash: Uint8Array): void {
    if (this.number !== newest || !same(this.hash, newestHash))
      throw new Broken(this.number + 1, "missing");
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return compareBytes(a, b) === 0;
}
