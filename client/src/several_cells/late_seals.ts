/**
 * Seals for cells that a message of ours could not be sealed for, as they had no key then, or that
 * somebody came into under a newer key than it was sealed for. The DS says which are wanted; the
 * message's key is kept until every cell has its seal.
 */
import { encodeSeal, parseSignedHeader } from "../cells/message.ts";
import { sealFor } from "../cells/seal.ts";
import { Work, type Conversation } from "../conversation.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { concat, fromHex, toHex } from "../octets.ts";
import { STORES } from "../records.ts";
import type { KeptRecord } from "../records.ts";
import type { WantedSeals } from "../wire.ts";
import { refreshKeys } from "./cell_keys.ts";
import { keyFor } from "./good_keys.ts";
import { keptKey } from "./own_chain.ts";

/** More keys than these are not kept; the oldest go first. */
const MOST_KEPT = 1_000;
/** A cell may begin a new epoch while its seal is made. */
const TRIES = 4;
const ID_BYTES = 16;

/** Send what is wanted and can be made. Inside the conversation's queue. */
export async function sendLateSeals(
  context: DeviceContext,
  conversation: Conversation,
): Promise<void> {
  const { api, vault } = context;
  const group = conversation.id;
  const kept = await vault.page<KeptRecord>({
    store: STORES.kept,
    group,
    limit: 2 * MOST_KEPT,
    descending: true,
  });
  if (kept.length === 0 || conversation.heads === null) return;
  const bySeq = new Map(kept.map((one) => [one.seq, one]));
  const { wanted: all, later } = await api.sealsWanted(group);
  const unsent = new Set<number>(later);
  for (const wanted of all) {
    const one = bySeq.get(wanted.seq);
    if (one === undefined) continue;
    const sealed = await sendOne(context, conversation, one, wanted);
    if (sealed.length < wanted.cellIds.length) unsent.add(one.seq);
    const cells = new Set([...cellsOf(one), ...sealed]);
    const value: KeptRecord = { ...one, cellIds: concat(...[...cells].map(fromHex)) };
    bySeq.set(one.seq, value);
    const { seq } = one;
    const [key, order] = [keptKey(group, seq), seq];
    await vault.write([{ op: "put", store: STORES.kept, key, group, order, value }]);
    if (seq === kept[0]?.seq) await noteReached(conversation, sealed);
  }
  const newest = [...bySeq.values()].slice(0, MOST_KEPT);
  const { cells, rosterEpoch } = conversation.record;
  const needed = new Set(
    newest.filter(
      (one) => unsent.has(one.seq) || cellsOf(one).length < cells || one.rosterEpoch > rosterEpoch,
    ),
  );
  await vault.write(
    [...bySeq.values()]
      .filter((one) => !needed.has(one))
      .map(({ seq }) => ({ op: "delete", store: STORES.kept, key: keptKey(group, seq) })),
  );
}

/** Our last message has come to these cells too. */
async function noteReached(conversation: Conversation, cells: readonly string[]): Promise<void> {
  const before = conversation.record.unreached ?? [];
  const unreached = before.filter((cellId) => !cells.includes(cellId));
  if (unreached.length === before.length) return;
  const work = new Work(conversation);
  work.set({ unreached });
  await conversation.store(work);
}

function cellsOf({ cellIds = new Uint8Array() }: KeptRecord): readonly string[] {
  return Array.from({ length: cellIds.length / ID_BYTES }, (_, i) =>
    toHex(cellIds.subarray(i * ID_BYTES, (i + 1) * ID_BYTES)),
  );
}

/** Returns the cells that it was sealed for. */
async function sendOne(
  context: DeviceContext,
  conversation: Conversation,
  kept: KeptRecord,
  { seq, cellIds }: WantedSeals,
): Promise<readonly string[]> {
  const header = parseSignedHeader(kept.header);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    await refreshKeys(context, conversation);
    const { keys } = conversation;
    if (keys === null) return [];
    const records = cellIds
      .map((cellId) => keyFor(context, keys, cellId))
      .filter((key) => key !== null);
    if (records.length === 0) return [];
    const seals = concat(...(await sealFor(header, kept.key, records)).map(encodeSeal));
    try {
      await context.api.lateSeals(conversation.id, seq, { seals });
      return records.map(({ cellId }) => cellId);
    } catch (error) {
      // Somebody's commit came between; what else is refused is asked about again later.
      if (!hasCode(error, "stale_epoch")) {
        if (hasCode(error, "network", "locked", "overloaded")) throw error;
        return [];
      }
    }
  }
  return [];
}
