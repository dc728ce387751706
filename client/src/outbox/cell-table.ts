/**
 * S4: the keys of all cells, as an author of a conversation key needs them.
 *
 * What the server gave is kept, so that the next key asks only for what changed. A key that does not
 * pass affects its own cell alone: its devices are sealed to directly while these are few, else they
 * ask for shares.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { CellKeyFormat } from "../keys/cell-key.ts";
import type { CellKey } from "../keys/cell-key.ts";
import { requirePublicKey } from "../keys/hpke.ts";
import { idOf } from "../keys/ids.ts";
import type { CellId, DeviceId } from "../keys/ids.ts";
import { Refused, refuseUnless } from "../keys/refused.ts";
import { DAY_MS, isYoung } from "../keys/times.ts";
import { equalBytes, toHex } from "../octets.ts";
import { STORES } from "../records.ts";
import type { CellTableRecord } from "../records.ts";
import { checkCellProof, checkLines } from "../roster/cells.ts";
import type { CellLine } from "../rosters/cell-line.ts";
import type { RosterHead } from "../rosters/head.ts";

const USABLE_MS = 7 * DAY_MS;

export interface CellTable {
  readonly lines: readonly CellLine[];
  /** Usable keys, by cell. */
  readonly usable: ReadonlyMap<CellId, CellKey>;
}

type Kept = CellTableRecord["keys"][number];

/** All cells under the newest head, with the keys that a sender may use. Outside the queue. */
export async function cellTable(
  context: DeviceContext,
  conversation: Conversation,
  head: RosterHead,
): Promise<CellTable> {
  const { api, vault } = context;
  const { id } = conversation;
  const kept = await vault.get<CellTableRecord>(STORES.cellTables, id);
  const answer = await api.cellKeys(id, kept?.version ?? 0);
  // A newer head than the one that was checked: the caller begins again with it.
  const bytes = equalBytes(answer.head, head.bytes);
  if (!bytes) throw new Refused("S1", "there is a newer head");
  const lines = checkLines(head, answer.lines, "S4");
  const keys = new Map<CellId, Kept>();
  for (const one of [...(kept?.keys ?? []), ...answer.keys]) {
    const cell = cellOf(one.record);
    if (cell !== null) keys.set(cell, { record: one.record, authorProof: one.authorProof });
  }
  const value: CellTableRecord = { version: answer.version, keys: [...keys.values()] };
  await vault.write([{ op: "put", store: STORES.cellTables, key: id, value }]);
  return { lines, usable: await usableKeys(context, id, head, lines, keys) };
}

function cellOf(record: Uint8Array): CellId | null {
  try {
    return idOf<CellId>(CellKeyFormat.parse(record).cell);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}

async function usableKeys(
  context: DeviceContext,
  conversationId: string,
  head: RosterHead,
  lines: readonly CellLine[],
  keys: ReadonlyMap<CellId, Kept>,
): Promise<ReadonlyMap<CellId, CellKey>> {
  const found: { readonly line: CellLine; readonly key: CellKey; readonly person: string }[] = [];
  for (const line of lines) {
    const kept = keys.get(line.cell);
    if (kept === undefined) continue;
    try {
      const key = CellKeyFormat.parse(kept.record);
      const leaf = checkCellProof(line, kept.authorProof, "S4");
      requireFitting(context, conversationId, head, line, key, leaf.device);
      found.push({ line, key, person: leaf.person });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  // One question for the authors of all cells.
  await context.trust.ensure(found.map(({ person }) => person));
  const usable = new Map<CellId, CellKey>();
  const now = context.time.requireNow();
  for (const { line, key, person } of found) {
    try {
      const author = idOf<DeviceId>(key.author);
      const certificate = await context.trust.confirmedCertificate(person, author, now, "S4");
      await CellKeyFormat.verify(key, certificate.publicKey);
      usable.set(line.cell, key);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return usable;
}

function requireFitting(
  context: DeviceContext,
  conversationId: string,
  head: RosterHead,
  line: CellLine,
  key: CellKey,
  author: DeviceId,
): void {
  const own = toHex(key.conversation) === conversationId && key.kem === head.kem;
  refuseUnless(own, "S4", "another conversation's or KEM's");
  refuseUnless(toHex(key.author) === author, "S4", "the proof is not the author's");
  const inTime = line.rekeyEpoch <= key.epoch && key.epoch <= head.epoch;
  refuseUnless(inTime, "S4", "made before a removal");
  const young = isYoung(key.created, context.time.requireNow(), USABLE_MS);
  refuseUnless(young, "S4", "older than 7 days");
  requirePublicKey(key.kem, key.publicKey, "S4");
}
