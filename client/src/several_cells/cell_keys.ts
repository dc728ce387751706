/**
 * The keys of all cells, as a sender needs them: fetched as they change, each verified once (chain,
 * roster, signature, never back, never two for one epoch) and kept in the vault.
 */
import { kemOfSuite } from "../cells/kem.ts";
import {
  LONGEST_KEY_AGE_MS,
  encodeRecord,
  judgeRecord,
  parseRecord,
  requireDerivedKey,
  type CellKeyRecord,
} from "../cells/record.ts";
import { CellRefused } from "../cells/refused.ts";
import { isCheckFailed } from "../check-failed.ts";
import type { Conversation } from "../conversation.ts";
import { Work } from "../conversation.ts";
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import type { CellGroup } from "../mls/types.ts";
import type { CellKeysRecord } from "../records.ts";
import type { HeadAt } from "../roster/heads.ts";
import { provenCell } from "../roster/proofs.ts";
import { Alarm } from "../stops.ts";
import { platformEd25519 } from "../trust/ed25519.ts";
import { parseCertificate } from "../trust/certificate.ts";
import type { CellKey } from "../wire.ts";
import { headAt } from "./roster_part.ts";
import { seedOf } from "./own_key.ts";

/** Records that are judged at once. */
const AT_ONCE = 16;

type HeadOf = (epoch: number) => Promise<HeadAt | null>;

export type KeysByCell = ReadonlyMap<string, CellKeyRecord>;

const parsed = new WeakMap<CellKeysRecord, KeysByCell>();

/** The verified keys that are held. */
export function keysHeld(record: CellKeysRecord | null): KeysByCell {
  if (record === null) return new Map();
  let keys = parsed.get(record);
  if (keys === undefined) {
    keys = new Map(record.records.map(parseRecord).map((key) => [key.cellId, key]));
    parsed.set(record, keys);
  }
  return keys;
}

/** Unless they are younger than `goodMs`. Inside the queue; stored at once. As `learnKeys`. */
export async function refreshKeys(
  context: DeviceContext,
  conversation: Conversation,
  goodMs = 0,
): Promise<void> {
  const now = context.now();
  if (conversation.keys !== null && now < conversation.keysAtMs + goodMs) return;
  conversation.keysAtMs = now;
  const work = new Work(conversation);
  await learnKeys(context, work);
  await conversation.store(work);
}

/**
 * Fetch what changed. Keys that do not verify are left out, and nothing can be sealed for their
 * cells; two keys for one epoch, or another than our own cell derives, are an alarm.
 */
export async function learnKeys(context: DeviceContext, work: Work): Promise<void> {
  const since = work.keys?.version ?? 0;
  const answer = await context.api.cellKeys(work.record.conversationId, since);
  const keys = new Map(keysHeld(work.keys));
  await learnHeads(context, work, answer.keys);
  const headOf = headsOnce(context, work);
  for (let at = 0; at < answer.keys.length; at += AT_ONCE) {
    const batch = answer.keys.slice(at, at + AT_ONCE);
    const judged = batch.map((key) =>
      judge(context, work, headOf, keys.get(key.cellId) ?? null, key),
    );
    for (const key of await Promise.all(judged)) if (key !== null) keys.set(key.cellId, key);
  }
  const { group } = work;
  const own = group === null ? undefined : keys.get(group.cellId);
  if (group !== null && own?.epoch === group.epoch) await requireOwn(own, group);
  const records = [...keys.values()].map(encodeRecord);
  work.keys = { version: answer.version, due: answer.cells, records };
  parsed.set(work.keys, keys);
}

/** Heads newer than ours that the records name, once for all of them. */
async function learnHeads(
  context: DeviceContext,
  work: Work,
  keys: readonly CellKey[],
): Promise<void> {
  let newest = 0;
  for (const { record } of keys) {
    try {
      newest = Math.max(newest, parseRecord(record).rosterEpoch);
    } catch (error) {
      if (!(error instanceof CellRefused)) throw error;
    }
  }
  if (work.heads !== null && newest > work.heads.newest.epoch) await headAt(context, work, newest);
}

/** Most records name the same few heads, which whoever came later has to fetch: each one once. */
function headsOnce(context: DeviceContext, work: Work): HeadOf {
  const asked = new Map<number, Promise<HeadAt | null>>();
  return (epoch) => {
    const found = asked.get(epoch) ?? headAt(context, work, epoch);
    asked.set(epoch, found);
    return found;
  };
}

async function requireOwn(own: CellKeyRecord, group: CellGroup): Promise<void> {
  try {
    await requireDerivedKey(own, await seedOf(group));
  } catch (error) {
    throw alarmOf(error);
  }
}

function alarmOf(error: unknown): unknown {
  return error instanceof CellRefused && error.alarm ? new Alarm(error.code, error) : error;
}

async function judge(
  context: DeviceContext,
  work: Work,
  headOf: HeadOf,
  seen: CellKeyRecord | null,
  key: CellKey,
): Promise<CellKeyRecord | null> {
  try {
    const record = parseRecord(key.record);
    const ed25519 = await platformEd25519();
    await judgeRecord(record, {
      conversationId: work.record.conversationId,
      cellId: key.cellId,
      kem: kemOfSuite(work.record.suite),
      nowMs: context.serverNow(),
      seen,
      signer: (hash) => signerOf(context, headOf, key, hash, record.rosterEpoch),
      verify: (publicKey, message, signature) => ed25519.verify(publicKey, message, signature),
    });
    return record;
  } catch (error) {
    if (error instanceof CellRefused && !error.alarm) return null;
    throw alarmOf(error);
  }
}

async function signerOf(
  context: DeviceContext,
  headOf: HeadOf,
  key: CellKey,
  certificateHash: string,
  rosterEpoch: number,
): Promise<Uint8Array | "refused" | "not_in_roster"> {
  try {
    const { hash, publicKey } = parseCertificate(key.certificate);
    if (hash !== certificateHash) return "refused";
    await context.checker().checkClient(key.certificate, publicKey, context.serverNow());
    const at = await headOf(rosterEpoch);
    if (at === null) return "not_in_roster";
    const { leaves, root } = at.head;
    const cell = provenCell(key.signerProof, certificateHash, leaves, root);
    return cell === key.cellId ? publicKey : "not_in_roster";
  } catch (error) {
    if (isCheckFailed(error)) return "refused";
    throw error;
  }
}

/**
 * The keys of exactly the cells that a message needs now. Throws `cell_keys_refused` when one of
 * them has none that verifies, or only an old one.
 */
export function keysDue(context: DeviceContext, held: CellKeysRecord): readonly CellKeyRecord[] {
  const keys = keysHeld(held);
  const oldest = context.serverNow() - LONGEST_KEY_AGE_MS;
  return held.due.map((cellId) => {
    const key = keys.get(cellId);
    if (key === undefined || key.createdMs < oldest)
      throw failure("cell_keys_refused", { retry: true, details: { cellId } });
    return key;
  });
}
