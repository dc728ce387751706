/**
 * The keys of all cells, as a sender needs them: fetched as they change, each verified once (chain,
 * signature, never back, never two for one epoch) and kept in the vault. That their signers are
 * named for their cells is held against the roster's newest head when they come, and later once an
 * hour.
 */
import { kemOfSuite } from "../cells/kem.ts";
import { ROSTER_MAY_BE_BEHIND_MS } from "../cells/open.ts";
import {
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
import type { CellGroup } from "../mls/types.ts";
import type { NamedCellsRecord } from "../records.ts";
import type { RosterHead } from "../roster/head.ts";
import type { HeadHistory } from "../roster/heads.ts";
import { openNamedCells } from "../roster/named-cells.ts";
import { provenCell } from "../roster/proofs.ts";
import { Alarm } from "../stops.ts";
import { platformEd25519 } from "../trust/ed25519.ts";
import { parseCertificate } from "../trust/certificate.ts";
import type { CellKey } from "../wire.ts";
import { holdKeys, keysHeld } from "./good_keys.ts";
import { seedOf } from "./own_key.ts";
import { followHead } from "./roster_part.ts";

/** Records that are judged at once. */
const AT_ONCE = 16;

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
  // First: a key that is published meanwhile comes with the keys, with its own proof.
  await learnNamedCells(context, work);
  await learnKeys(context, work, conversation.keysWhole);
  conversation.keysWhole = false;
  await conversation.store(work);
}

/**
 * Fetch what changed. Keys that do not verify are left out, and nothing is sealed for their cells
 * until they have another; two keys for one epoch, or another than our own cell derives, are an
 * alarm, and so is a head that does not continue ours.
 *
 * Who signed a key must be named for its cell by the newest head: whoever was named once and is not
 * any more could otherwise sign a key for as long as the DS lets it pass.
 *
 * `whole`: fetch all, not only what changed. What was refused or older does not come again by itself:
 * a DS that has lied once, about the version too, would otherwise keep messages waiting.
 */
export async function learnKeys(
  context: DeviceContext,
  work: Work,
  whole = false,
): Promise<void> {
  // Not in yet: nothing could be verified, and all of it comes again.
  if (work.heads === null) return;
  const since = whole ? 0 : (work.keys?.version ?? 0);
  const answer = await context.api.cellKeys(work.record.conversationId, since);
  const head = await followHead(context, work, answer.head);
  const keys = new Map(keysHeld(work.keys));
  const refused = new Set(whole ? [] : work.keys?.refused);
  let newest = work.keys?.newest;
  for (let at = 0; at < answer.keys.length; at += AT_ONCE) {
    const batch = answer.keys.slice(at, at + AT_ONCE);
    const judged = await Promise.all(
      batch.map((key) => judge(context, work, head, keys.get(key.cellId) ?? null, key)),
    );
    for (const [i, { cellId, epoch }] of batch.entries()) {
      if (cellId === work.record.cellId) newest = { cellId, epoch };
      const key = judged[i] ?? "refused";
      // The DS says that the key which is held is not the newest.
      if (key === "refused") refused.add(cellId);
      else if (key !== "older") {
        keys.set(cellId, key);
        refused.delete(cellId);
      }
    }
  }
  const records = [...keys.values()].map(encodeRecord);
  const { version, cells: due } = answer;
  work.keys = { ...work.keys, version, due, records, refused: [...refused] };
  if (newest !== undefined) work.keys = { ...work.keys, newest };
  holdKeys(work.keys, keys);
  await compareOwnKey(work);
}

/**
 * The newest epoch of our own cell that is known of; -1: none. The DS's word is enough, as also
 * with a record that is refused: an epoch begins here with its commit alone.
 */
export function newestEpoch({ record, keys }: Pick<Work, "record" | "keys">): number {
  const { cellId } = record;
  const told = keys?.newest?.cellId === cellId ? keys.newest.epoch : -1;
  return Math.max(told, keysHeld(keys).get(cellId)?.epoch ?? -1);
}

/**
 * Ask which cells the signed roster has and who signed their keys, at the latest an hour after the
 * head under which we know it was replaced. Keys whose signer has lost its place are not good any
 * more. Cells of several thousand people change all day: to prove every signer again for each new
 * head would cost more than the messages do (docs/decisions/0010-who-may-sign-a-cells-key.md).
 */
async function learnNamedCells(context: DeviceContext, work: Work): Promise<void> {
  const { heads, keys } = work;
  const askedMs = context.serverNow();
  if (heads === null || !isOld(keys?.named, heads, askedMs)) return;
  const answer = await context.api.rosterCells(work.record.conversationId);
  const head = await followHead(context, work, answer.head);
  const signers = openNamedCells(answer, head);
  const held = keysHeld(keys);
  const refused = [...held.values()]
    .filter(({ cellId, signer }) => signers.get(cellId) !== signer)
    .map(({ cellId }) => cellId);
  const named = { rosterEpoch: head.epoch, askedMs, cells: [...signers.keys()] };
  work.keys = { version: 0, due: [], records: [], ...keys, named, refused };
  holdKeys(work.keys, held);
}

function isOld(named: NamedCellsRecord | undefined, heads: HeadHistory, nowMs: number): boolean {
  if (named === undefined) return true;
  const at = heads.at(named.rosterEpoch);
  // Of a head that has passed out of memory we know only that it was not replaced before we asked.
  const sinceMs = at === null ? named.askedMs : at.supersededMs;
  return sinceMs !== null && nowMs - sinceMs > ROSTER_MAY_BE_BEHIND_MS;
}

/** The record of our own cell's epoch, if it is here, must be of the key that we derive. */
export async function compareOwnKey({ group, keys }: Pick<Work, "group" | "keys">): Promise<void> {
  const own = group === null ? undefined : keysHeld(keys).get(group.cellId);
  if (group !== null && own?.epoch === group.epoch) await requireOwn(own, group);
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

/** The record, if it is good; `older` than the one that is held, which then stays in use. */
async function judge(
  context: DeviceContext,
  work: Work,
  head: RosterHead,
  seen: CellKeyRecord | null,
  key: CellKey,
): Promise<CellKeyRecord | "refused" | "older"> {
  try {
    const record = parseRecord(key.record);
    // Whoever signed it: it cannot take the place of a newer one.
    if (seen !== null && record.epoch < seen.epoch) return "older";
    const ed25519 = await platformEd25519();
    await judgeRecord(record, {
      conversationId: work.record.conversationId,
      cellId: key.cellId,
      kem: kemOfSuite(work.record.suite),
      nowMs: context.serverNow(),
      seen,
      signer: (hash) => signerOf(context, head, key, hash),
      verify: (publicKey, message, signature) => ed25519.verify(publicKey, message, signature),
    });
    return record;
  } catch (error) {
    if (error instanceof CellRefused && !error.alarm) return "refused";
    throw alarmOf(error);
  }
}

async function signerOf(
  context: DeviceContext,
  { leaves, root }: RosterHead,
  key: CellKey,
  certificateHash: string,
): Promise<Uint8Array | "refused" | "not_in_roster"> {
  try {
    const { hash, publicKey } = parseCertificate(key.certificate);
    if (hash !== certificateHash) return "refused";
    await context.checker().checkClient(key.certificate, publicKey, context.serverNow());
    const cell = provenCell(key.signerProof, certificateHash, leaves, root);
    return cell === key.cellId ? publicKey : "not_in_roster";
  } catch (error) {
    if (isCheckFailed(error)) return "refused";
    throw error;
  }
}
