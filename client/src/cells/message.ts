/**
 * A sealed message as bytes: its header with signature, the same for everybody, and its seals, one
 * for each cell. Parsing says what bytes claim; open.ts judges. Pure.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, copy, fromHex, toHex, u64, type Bytes } from "../octets.ts";
import {
  Fields,
  SIGNATURE_BYTES,
  TAG,
  VERSION,
  assembled,
  kemBytes,
  malformed,
  u16,
} from "./format.ts";
import type { KemId } from "./format.ts";

export const HEADER_BYTES = 263;
export const NONCE_BYTES = 12;
/** A sealed message key: 32 bytes and the AEAD tag. */
const SEALED_KEY_BYTES = 48;
/** `prev` of a device's first message. */
export const NO_HEADER = "0".repeat(64);

export interface HeaderFields {
  readonly kem: KemId;
  readonly conversationId: string;
  readonly messageId: string;
  /** SHA-256 of the sender's certificate, hex. */
  readonly sender: string;
  /** Of this sender device in this conversation, from 1. */
  readonly seq: number;
  /** H(previous header ‖ signature), hex; zeros at seq 1. */
  readonly prev: string;
  readonly rosterEpoch: number;
  readonly rosterHash: string;
  readonly sentMs: number;
  readonly cellsDigest: string;
  readonly keyCommit: Uint8Array;
  readonly iv: Uint8Array;
  readonly bodyHash: string;
}

export interface SignedHeader extends HeaderFields {
  readonly unsigned: Bytes;
  readonly signature: Bytes;
  /** H(header ‖ signature), hex: what the sender's next header refers to. */
  readonly hash: string;
}

export interface Seal {
  readonly cellId: string;
  readonly keyId: string;
  /** HPKE enc ‖ ciphertext. */
  readonly sealed: Bytes;
}

/** Bytes of one seal: cell id, key id, enc and ciphertext. */
export function sealBytes(kem: KemId): number {
  return 32 + kemBytes(kem).enc + SEALED_KEY_BYTES;
}

// --- Headers ---------------------------------------------------------------------------------

export function encodeHeader(header: HeaderFields): Bytes {
  return assembled(
    HEADER_BYTES,
    Uint8Array.of(VERSION),
    u16(header.kem),
    fromHex(header.conversationId),
    fromHex(header.messageId),
    fromHex(header.sender),
    u64(header.seq),
    fromHex(header.prev),
    u64(header.rosterEpoch),
    fromHex(header.rosterHash),
    u64(header.sentMs),
    fromHex(header.cellsDigest),
    header.keyCommit,
    header.iv,
    fromHex(header.bodyHash),
  );
}

/** Header and signature: 327 bytes, the part of a message that is the same for everybody. */
export function encodeSignedHeader(header: SignedHeader): Bytes {
  return concat(header.unsigned, header.signature);
}

export function parseSignedHeader(data: Uint8Array): SignedHeader {
  if (data.length !== HEADER_BYTES + SIGNATURE_BYTES)
    throw malformed("header has the wrong length");
  const bytes = copy(data);
  const fields = new Fields(bytes);
  fields.version();
  const header = {
    kem: fields.kem(),
    conversationId: fields.hex(16),
    messageId: fields.hex(16),
    sender: fields.hex(32),
    seq: fields.u64(),
    prev: fields.hex(32),
    rosterEpoch: fields.u64(),
    rosterHash: fields.hex(32),
    sentMs: fields.u64(),
    cellsDigest: fields.hex(32),
    keyCommit: fields.bytes(32),
    iv: fields.bytes(NONCE_BYTES),
    bodyHash: fields.hex(32),
  };
  if (header.seq < 1) throw malformed("seq starts at 1");
  if ((header.seq === 1) !== (header.prev === NO_HEADER))
    throw malformed("only the first header has no predecessor");
  return {
    ...header,
    unsigned: bytes.slice(0, HEADER_BYTES),
    signature: fields.bytes(SIGNATURE_BYTES),
    hash: toHex(sha256(bytes)),
  };
}

// --- Seals -----------------------------------------------------------------------------------

export function encodeSeal(seal: Seal): Bytes {
  return concat(fromHex(seal.cellId), fromHex(seal.keyId), seal.sealed);
}

export function parseSeal(data: Uint8Array, kem: KemId): Seal {
  if (data.length !== sealBytes(kem)) throw malformed("seal has the wrong length");
  const fields = new Fields(copy(data));
  return readSeal(fields, kem);
}

function readSeal(fields: Fields, kem: KemId): Seal {
  const [cellId, keyId] = [fields.hex(16), fields.hex(16)];
  return { cellId, keyId, sealed: fields.bytes(kemBytes(kem).enc + SEALED_KEY_BYTES) };
}

/** Any number of seals one after another; cells ascending, none twice. */
export function parseSeals(data: Uint8Array, kem: KemId): readonly Seal[] {
  const size = sealBytes(kem);
  if (data.length % size !== 0) throw malformed("seals have the wrong length");
  const fields = new Fields(copy(data));
  const seals: Seal[] = [];
  for (let at = 0; at < data.length; at += size) seals.push(readSeal(fields, kem));
  requireAscending(seals);
  return seals;
}

function requireAscending(cells: readonly { readonly cellId: string }[]): void {
  for (let i = 1; i < cells.length; i++)
    if ((cells[i - 1] as Seal).cellId >= (cells[i] as Seal).cellId)
      throw malformed("cells are not in ascending order, each once");
}

/** H(T("CELLS-v1 cells") ‖ (cell id ‖ key id)…), hex, over cells in ascending order, each once. */
export function cellsDigest(
  cells: readonly { readonly cellId: string; readonly keyId: string }[],
): string {
  requireAscending(cells);
  const hash = sha256.create().update(TAG.cells);
  for (const { cellId, keyId } of cells) hash.update(fromHex(cellId + keyId));
  return toHex(hash.digest());
}
