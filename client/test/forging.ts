/**
 * What a member with a changed app can make with its own device's key, for a server that passes it
 * on: key records and headers that verify and are not so.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { TAG } from "../src/cells/format.ts";
import { encodeHeader, parseSignedHeader, type HeaderFields } from "../src/cells/message.ts";
import { encodeRecord, makeRecord, parseRecord } from "../src/cells/record.ts";
import type { CellKeyRecordFields, Sign } from "../src/cells/record.ts";
import { concat, randomBytes } from "../src/octets.ts";
import { STORES, type AccountRecord } from "../src/records.ts";
import { Vault } from "../src/vault/vault.ts";
import type { CellKey } from "../src/wire.ts";
import type { Officer } from "./officer.ts";

export type Signer = Pick<AccountRecord, "certificate" | "certificateHash" | "signaturePrivateKey">;

/** The key and certificate of an officer's device, out of its vault. */
export async function signerOf({ vaultName }: Officer): Promise<Signer> {
  const vault = new Vault({ name: vaultName, now: Date.now });
  await vault.open();
  try {
    const account = await vault.get<AccountRecord>(STORES.meta, "account");
    if (account === null) throw new Error("not registered");
    return account;
  } finally {
    vault.close();
  }
}

function signing({ signaturePrivateKey }: Signer): Sign {
  return (message) => Promise.resolve(ed25519.sign(message, signaturePrivateKey));
}

/** A header with its signature, in which some fields are others, signed again. */
export function resigned(
  { signaturePrivateKey }: Signer,
  sealed: Uint8Array,
  change: Partial<HeaderFields>,
): Uint8Array {
  const unsigned = encodeHeader({ ...parseSignedHeader(sealed), ...change });
  return concat(unsigned, ed25519.sign(concat(TAG.message, unsigned), signaturePrivateKey));
}

/** A key that nobody of the cell derives, in a record like the cell's own, signed by this device. */
export async function forgedKey(
  signer: Signer,
  real: CellKey,
  change: Partial<CellKeyRecordFields> = {},
): Promise<CellKey> {
  const fields = { ...parseRecord(real.record), ...change, signer: signer.certificateHash };
  const record = await makeRecord(fields, randomBytes(32), signing(signer));
  const { certificate } = signer;
  return { ...real, epoch: record.epoch, record: encodeRecord(record), certificate };
}
