/**
 * CellKey record (docs/keys.md), only where there are several cells: the HPKE public key of at
 * most 256 devices, and its author's commitment to C. A device that opens C compares the key pair
 * with the record: a record whose key pair did not come from C opens for its author alone.
 */
import { concat, copy, equalBytes, type Bytes } from "../octets.ts";
import { commitmentOf, requireCommitted, sealTo, unseal, type SealOpener } from "./committed.ts";
import type { NewConversationKey } from "./conversation-key.ts";
import { sealKeyIdBytes, type SealTarget } from "./device-key.ts";
import { kemField, privateKeyFrom, publicKeyField, publicKeyOf, type Kem } from "./hpke.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "./format/record.ts";
import { refuseUnless } from "./format/refused.ts";

export const CellKeyFormat = new RecordFormat(
  { label: "copconnect cell-key v1", rule: "S4", version: 1 },
  {
    kem: kemField,
    conversation: bytes(16),
    cell: bytes(16),
    epoch: integer(8),
    generation: integer(2),
    head: bytes(32),
    author: bytes(32),
    created: integer(8),
    commit: bytes(32),
    publicKey: publicKeyField,
  },
);
export type CellKey = RecordOf<typeof CellKeyFormat>;

function committed(key: CellKey) {
  const place = concat(key.conversation, key.cell);
  return { purpose: "cell", place, commit: key.commit, hash: key.hash } as const;
}

/** `secret`: C, 32 random bytes. */
export interface NewCellKey extends NewConversationKey {
  readonly kem: Kem;
  readonly cell: Uint8Array;
  readonly generation: number;
}

export async function makeCellKey(draft: NewCellKey, privateKey: Uint8Array): Promise<CellKey> {
  const { kem, conversation, cell, epoch, generation, head, author, secret } = draft;
  const values = {
    ...{ kem, conversation, cell, epoch, generation, head, author },
    created: Math.max(draft.nowMs, draft.headCreated),
    commit: commitmentOf("cell", secret, concat(conversation, cell)),
    publicKey: await publicKeyOf(kem, privateKeyFrom(kem, secret)),
  };
  return CellKeyFormat.sign(values, privateKey);
}

/** The private key of C and how seals to the cell are addressed. */
export function cellOpener(key: CellKey, secret: Uint8Array): SealOpener {
  return {
    kem: key.kem,
    keyId: sealKeyIdBytes(key),
    privateKey: privateKeyFrom(key.kem, secret),
  };
}

/** C to the key of one device of the cell. */
export function sealCellKey(key: CellKey, secret: Uint8Array, target: SealTarget): Promise<Bytes> {
  return sealTo(committed(key), secret, target);
}

/** C, compared with commitment and public key. C2 refuses what is not: ask for a share. */
export async function openCellKey(
  key: CellKey,
  seal: Uint8Array,
  opener: SealOpener,
): Promise<Bytes> {
  const secret = await unseal(committed(key), seal, opener, "C2");
  await requireCellSecret(key, secret);
  return secret;
}

export async function requireCellSecret(key: CellKey, secret: Uint8Array): Promise<void> {
  requireCommitted(committed(key), secret, "C2");
  const derived = await publicKeyOf(key.kem, privateKeyFrom(key.kem, secret));
  refuseUnless(equalBytes(derived, copy(key.publicKey)), "C2", "public key is not the secret's");
}
