/**
 * The key of this device's own cell: every member derives its seed from the MLS epoch; who commits
 * publishes the public key in a signed record, for the senders of the other cells.
 *
 * The seed of the current epoch is never stored, as the group gives it. That of the epoch before is
 * kept for the DS's grace of 30 s, unless the commit carried out a Remove, and then erased.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { EXPORTER_LABEL, SEED_BYTES, exporterContext, kemOfSuite } from "../cells/kem.ts";
import { encodeRecord, makeRecord, type CellKeyRecord } from "../cells/record.ts";
import type { Work } from "../conversation.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import type { CellGroup } from "../mls/types.ts";
import { toHex } from "../octets.ts";
import { CellRosterCopy } from "../roster/cell-roster-copy.ts";
import type { Roster } from "../roster/roster.ts";
import { platformEd25519 } from "../trust/ed25519.ts";
import type { UploadKeyRecord } from "../wire.ts";

/** The DS takes seals to the epoch before for 30 s after the commit; clocks and queues add to it. */
export const GRACE_MS = 60_000;

export function seedOf(group: CellGroup): Promise<Uint8Array> {
  const context = exporterContext(kemOfSuite(group.suite), group.conversationId);
  return group.exportSecret(EXPORTER_LABEL, context, SEED_BYTES);
}

export interface HeldSeed {
  readonly epoch: number;
  readonly seed: Uint8Array;
}

/**
 * The seeds that a seal to this key may be for, the current epoch's first. A receiver is not given
 * the records of its own cell: where it holds one as a sender (`known`), that says which epoch the key
 * is of, or is not of; else each is tried.
 */
export async function seedsFor(
  work: Pick<Work, "group" | "formerSeed" | "record">,
  known: Pick<CellKeyRecord, "epoch" | "keyId"> | null,
  keyId: string,
): Promise<readonly HeldSeed[]> {
  const { group, formerSeed, record } = work;
  const held: HeldSeed[] = [];
  if (group !== null) held.push({ epoch: group.epoch, seed: await seedOf(group) });
  if (formerSeed !== null && formerSeed.cellId === record.cellId) held.push(formerSeed);
  return fitting(held, known, keyId);
}

export function fitting(
  held: readonly HeldSeed[],
  known: Pick<CellKeyRecord, "epoch" | "keyId"> | null,
  keyId: string,
): readonly HeldSeed[] {
  if (known === null) return held;
  return held.filter(({ epoch }) => (epoch === known.epoch) === (keyId === known.keyId));
}

/** A commit that the DS ordered at `endedMs` ends this epoch; `removing`: it carries out Removes. */
export async function keepFormerSeed(
  work: Work,
  group: CellGroup,
  endedMs: number,
  removing: boolean,
): Promise<void> {
  if (work.heads === null) return;
  const { cellId, epoch } = group;
  work.formerSeed = removing ? null : { cellId, epoch, seed: await seedOf(group), endedMs };
}

/** The log, or the clock of a client that has caught up, has come past the grace. */
export function forgetFormerSeed(work: Work, nowMs: number): void {
  const { formerSeed } = work;
  if (formerSeed !== null && nowMs > formerSeed.endedMs + GRACE_MS) work.formerSeed = null;
}

/** The record of a group's epoch, signed by this device. `roster` must name it for this cell. */
export async function keyRecordOf(
  context: DeviceContext,
  group: CellGroup,
  roster: Roster | null,
): Promise<UploadKeyRecord> {
  const { certificateHash, signaturePrivateKey } = context.account();
  const proof = roster instanceof CellRosterCopy ? roster.inclusionProof(certificateHash) : null;
  if (roster === null || proof === null) throw failure("not_joined", { retry: true });
  const ed25519 = await platformEd25519();
  const record = await makeRecord(
    {
      kem: kemOfSuite(group.suite),
      conversationId: group.conversationId,
      cellId: group.cellId,
      epoch: group.epoch,
      treeHash: toHex(sha256(group.treeHash())),
      rosterEpoch: roster.head.epoch,
      createdMs: context.serverNow(),
      signer: certificateHash,
    },
    await seedOf(group),
    (message) => ed25519.sign(signaturePrivateKey, message),
  );
  return { record: encodeRecord(record), signerProof: proof };
}
