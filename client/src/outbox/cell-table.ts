/**
 * S4: the keys of all cells, as an author of a conversation key needs them.
 *
 * The table keeps the server's answers, so the next key asks only for changes. A key that does not
 * pass affects its own cell alone.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import { CellKeyFormat, type CellKey } from "../keys/cell-key.ts";
import { idOf, type CellId, type DeviceId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { requireUsableCellKey } from "../keys/sender-rules.ts";
import { equalBytes } from "../octets.ts";
import { STORES, type CellTableRecord } from "../records.ts";
import { checkCellProof, checkLines } from "../roster/cells.ts";
import type { CellLine } from "../keys/roster/cell-line.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Listed } from "../keys/roster/proof.ts";

type CellTableKey = CellTableRecord["keys"][number];

/** By cell: the keys that a sender may use under the newest head. Outside the queue. */
export async function usableCellKeys(
  context: DeviceContext,
  conversation: Conversation,
  head: RosterHead,
): Promise<ReadonlyMap<CellId, CellKey>> {
  const { api, vault } = context;
  const { id } = conversation;
  const kept = await vault.get<CellTableRecord>(STORES.cellTables, id);
  const answer = await api.cellKeys(id, { since: kept?.version });
  // A newer head than the one that was checked: the caller begins again with it.
  const bytes = equalBytes(answer.head, head.bytes);
  if (!bytes) throw new Refused("S1", "there is a newer head");
  const lines = checkLines(head, answer.lines, "S4");
  const keys = new Map<CellId, CellTableKey>();
  for (const one of [...(kept?.keys ?? []), ...answer.keys]) {
    const cell = cellOf(one.record);
    if (cell !== null) keys.set(cell, { record: one.record, authorProof: one.authorProof });
  }
  const value: CellTableRecord = { version: answer.version, keys: [...keys.values()] };
  await vault.write([{ op: "put", store: STORES.cellTables, key: id, value }]);
  // A direct conversation uses no cell key, which would hide whose devices hold it (R10).
  if (conversation.record.directPersonId !== null) return new Map();
  return usableKeys(context, head, lines, keys);
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
  head: RosterHead,
  lines: readonly CellLine[],
  keys: ReadonlyMap<CellId, CellTableKey>,
): Promise<ReadonlyMap<CellId, CellKey>> {
  const found: { readonly key: CellKey; readonly listed: Listed }[] = [];
  for (const line of lines) {
    const kept = keys.get(line.cell);
    if (kept === undefined) continue;
    try {
      const leaf = checkCellProof(head, line, kept.authorProof, "S4");
      found.push({ key: CellKeyFormat.parse(kept.record), listed: { leaf, line } });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  // One question for the authors of all cells.
  await context.trust.ensure(found.map(({ listed }) => listed.leaf.person));
  const usable = new Map<CellId, CellKey>();
  const { judge } = context.trust;
  const nowMs = context.time.requireNow();
  for (const { key, listed } of found) {
    const known = {
      head: () => null,
      listed: (_epoch: number, device: DeviceId) => (listed.leaf.device === device ? listed : null),
    };
    try {
      await requireUsableCellKey(key, { known, judge, newest: head, nowMs });
      usable.set(listed.line.cell, key);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return usable;
}
