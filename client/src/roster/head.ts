/**
 * The signed roster head, 169 bytes (docs/protocol.md, "Roster head"). Parsing is exact; a parsed
 * head is not yet trusted: `verifyHead` checks the roster authority's signature.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { platformEd25519, type Ed25519 } from "../trust/ed25519.ts";
import { RosterRefused } from "./refused.ts";

export const HEAD_BYTES = 169;
const UNSIGNED_BYTES = HEAD_BYTES - 64;
const VERSION = 1;
const DOMAIN = utf8ToBytes("CELLS-v1 roster\0");
export const NO_HEAD = "0".repeat(64);

export interface RosterHead {
  /** The bytes as signed, with the signature. */
  readonly bytes: Uint8Array;
  /** SHA-256 of the bytes, hex: what the next head and sealed messages refer to. */
  readonly hash: string;
  readonly conversationId: string;
  readonly epoch: number;
  readonly prev: string;
  readonly leaves: number;
  readonly root: string;
  readonly createdMs: number;
}

export interface HeadFields {
  readonly conversationId: string;
  readonly epoch: number;
  readonly prev: string;
  readonly leaves: number;
  readonly root: string;
  readonly createdMs: number;
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

/** The bytes that the roster authority signs, without the domain. */
export function encodeUnsignedHead(fields: HeadFields): Uint8Array {
  return concatBytes(
    Uint8Array.of(VERSION),
    hexToBytes(fields.conversationId),
    uint64(fields.epoch),
    hexToBytes(fields.prev),
    uint64(fields.leaves),
    hexToBytes(fields.root),
    uint64(fields.createdMs),
  );
}

export function headMessage(unsigned: Uint8Array): Uint8Array {
  return concatBytes(DOMAIN, unsigned);
}

export function parseHead(bytes: Uint8Array): RosterHead {
  if (bytes.length !== HEAD_BYTES)
    throw new RosterRefused("malformed", "head has the wrong length");
  if (bytes[0] !== VERSION) throw new RosterRefused("malformed", "head has an unknown version");
  const own = bytes.slice();
  const view = new DataView(own.buffer);
  const number = (at: number): number => {
    const value = view.getBigUint64(at);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      throw new RosterRefused("malformed", "head holds a number out of range");
    return Number(value);
  };
  const head: RosterHead = {
    bytes: own,
    hash: bytesToHex(sha256(own)),
    conversationId: bytesToHex(own.subarray(1, 17)),
    epoch: number(17),
    prev: bytesToHex(own.subarray(25, 57)),
    leaves: number(57),
    root: bytesToHex(own.subarray(65, 97)),
    createdMs: number(97),
  };
  if (head.epoch < 1) throw new RosterRefused("malformed", "roster epochs start at 1");
  if ((head.epoch === 1) !== (head.prev === NO_HEAD))
    throw new RosterRefused("malformed", "only the first head has no predecessor");
  return head;
}

export async function verifyHead(
  head: RosterHead,
  authorityPublicKey: Uint8Array,
  ed25519?: Ed25519,
): Promise<void> {
  const implementation = ed25519 ?? (await platformEd25519());
  const valid = await implementation.verify(
    authorityPublicKey,
    headMessage(head.bytes.subarray(0, UNSIGNED_BYTES)),
    head.bytes.subarray(UNSIGNED_BYTES),
  );
  if (!valid) throw new RosterRefused("bad_signature", "not signed by the roster authority");
}
