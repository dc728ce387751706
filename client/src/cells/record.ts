/**
 * Cell key records: a committer publishes the cell's key of the new epoch, signed with its device
 * key; members compare it with the key they derive; senders of other cells judge it. Pure: keys,
 * certificates and the roster are asked for through functions.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, copy, equalBytes, fromHex, toHex, u64, type Bytes } from "../octets.ts";
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
import { publicKeyOf } from "./kem.ts";
import { CellRefused } from "./refused.ts";

/** A record without its public key and its signature. */
const FIXED_BYTES = 125;

export interface CellKeyRecord extends CellKeyRecordFields {
  /** All before the signature. */
  readonly unsigned: Bytes;
  readonly signature: Bytes;
  /** First 16 bytes of H(T("CELLS-v1 key-id") ‖ unsigned), hex. */
  readonly keyId: string;
  readonly publicKey: Bytes;
}

export interface CellKeyRecordFields {
  readonly kem: KemId;
  readonly conversationId: string;
  readonly cellId: string;
  readonly epoch: number;
  /** SHA-256 of the MLS tree hash, hex. */
  readonly treeHash: string;
  readonly rosterEpoch: number;
  readonly createdMs: number;
  readonly publicKey: Uint8Array;
  /** SHA-256 of the signer's certificate, hex. */
  readonly signer: string;
}

export function keyIdOf(unsignedRecord: Uint8Array): string {
  return toHex(sha256(concat(TAG.keyId, unsignedRecord)).subarray(0, 16));
}

/** The bytes that the signer of a record signs, without the tag. */
export function encodeUnsignedRecord(fields: CellKeyRecordFields): Bytes {
  const size = kemBytes(fields.kem).publicKey;
  return assembled(
    FIXED_BYTES + size,
    Uint8Array.of(VERSION),
    u16(fields.kem),
    fromHex(fields.conversationId),
    fromHex(fields.cellId),
    u64(fields.epoch),
    fromHex(fields.treeHash),
    u64(fields.rosterEpoch),
    u64(fields.createdMs),
    u16(size),
    fields.publicKey,
    fromHex(fields.signer),
  );
}

export function encodeRecord(record: CellKeyRecord): Bytes {
  return concat(record.unsigned, record.signature);
}

export function parseRecord(data: Uint8Array): CellKeyRecord {
  if (data.length < 3) throw malformed("record is truncated");
  const bytes = copy(data);
  const fields = new Fields(bytes);
  fields.version();
  const kem = fields.kem();
  const size = kemBytes(kem).publicKey;
  const unsignedBytes = FIXED_BYTES + size;
  if (bytes.length !== unsignedBytes + SIGNATURE_BYTES)
    throw malformed("record has the wrong length");
  const conversationId = fields.hex(16);
  const cellId = fields.hex(16);
  const epoch = fields.u64();
  const treeHash = fields.hex(32);
  const rosterEpoch = fields.u64();
  const createdMs = fields.u64();
  if (fields.u16() !== size) throw malformed("public key has the wrong length");
  const publicKey = fields.bytes(size);
  const signer = fields.hex(32);
  const unsigned = bytes.slice(0, unsignedBytes);
  return {
    unsigned,
    signature: fields.bytes(SIGNATURE_BYTES),
    keyId: keyIdOf(unsigned),
    kem,
    conversationId,
    cellId,
    epoch,
    treeHash,
    rosterEpoch,
    createdMs,
    publicKey,
    signer,
  };
}

/** Ed25519 with this device's key. */
export type Sign = (message: Bytes) => Promise<Uint8Array>;
export type Verify = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
) => Promise<boolean>;

export const LONGEST_KEY_AGE_MS = 7 * 24 * 3_600_000;
/** Phones' clocks are wrong; as for certificates. */
export const CLOCK_TOLERANCE_MS = 3_600_000;

export async function makeRecord(
  fields: Omit<CellKeyRecordFields, "publicKey">,
  seed: Uint8Array,
  sign: Sign,
): Promise<CellKeyRecord> {
  const publicKey = await publicKeyOf(fields.kem, seed);
  const unsigned = encodeUnsignedRecord({ ...fields, publicKey });
  const signature = new Uint8Array(await sign(concat(TAG.cellKey, unsigned)));
  return { ...fields, publicKey, unsigned, signature, keyId: keyIdOf(unsigned) };
}

/** A member: the published key must be the one that this epoch's seed gives. */
export async function requireDerivedKey(record: CellKeyRecord, seed: Uint8Array): Promise<void> {
  if (!equalBytes(await publicKeyOf(record.kem, seed), record.publicKey))
    throw new CellRefused("cell_key_mismatch", "the cell's published key is not the one we derive");
}

/** The newest record of a cell that this device has accepted. */
export interface SeenKey {
  readonly epoch: number;
  readonly publicKey: Uint8Array;
}

export interface RecordJudge {
  readonly conversationId: string;
  readonly cellId: string;
  readonly kem: KemId;
  readonly nowMs: number;
  readonly seen: SeenKey | null;
  /**
   * The signer's public key, if its certificate chains to the CA, is a client's, valid now and not
   * revoked, and the newest head of the signed roster names it for this cell. (The head of the
   * record's own roster epoch says nothing: the signer chose it.)
   */
  signer(certificateHash: string): Promise<Uint8Array | "refused" | "not_in_roster">;
  readonly verify: Verify;
}

/** A sender's checks of one record; throws CellRefused. */
export async function judgeRecord(record: CellKeyRecord, judge: RecordJudge): Promise<void> {
  if (record.kem !== judge.kem) throw new CellRefused("wrong_kem", "record of another KEM");
  if (record.conversationId !== judge.conversationId)
    throw new CellRefused("wrong_conversation", "record of another conversation");
  if (record.cellId !== judge.cellId) throw new CellRefused("wrong_cell", "record of another cell");
  const signer = await judge.signer(record.signer);
  if (signer === "refused")
    throw new CellRefused("signer_refused", "the signer's certificate is refused");
  if (signer === "not_in_roster")
    throw new CellRefused("signer_not_in_roster", "the roster does not name the signer here");
  if (!(await judge.verify(signer, concat(TAG.cellKey, record.unsigned), record.signature)))
    throw new CellRefused("bad_signature", "the record's signature is wrong");
  if (judge.seen !== null && record.epoch < judge.seen.epoch)
    throw new CellRefused("cell_key_went_back", "a newer key of this cell was seen");
  if (record.epoch === judge.seen?.epoch && !equalBytes(record.publicKey, judge.seen.publicKey))
    throw new CellRefused("cell_key_fork", "another key for the same epoch was seen");
  const ageMs = judge.nowMs - record.createdMs;
  if (ageMs > LONGEST_KEY_AGE_MS || ageMs < -CLOCK_TOLERANCE_MS)
    throw new CellRefused("cell_key_age", "the cell's key is too old, or from the future");
}
