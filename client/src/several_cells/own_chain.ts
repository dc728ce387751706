/**
 * This device's own sealed messages in a conversation: what was accepted moves its chain on, and its
 * key is kept for as long as some cell may still lack a seal.
 */
import { NO_HEADER, parseSeals, parseSignedHeader, type SignedHeader } from "../cells/message.ts";
import type { SenderState } from "../cells/sender.ts";
import type { Work } from "../conversation.ts";
import { concat, fromHex } from "../octets.ts";
import { STORES } from "../records.ts";
import type { KeptRecord } from "../records.ts";
import type { Change } from "../vault/vault.ts";

export function chainOf(work: Pick<Work, "chain" | "record">): SenderState {
  const { conversationId } = work.record;
  return work.chain ?? { conversationId, last: { seq: 0, hash: NO_HEADER }, pending: null };
}

/** The header that is on its way, if any. */
export function pendingHeader({ pending }: SenderState): SignedHeader | null {
  return pending && parseSignedHeader(pending.header);
}

/** The DS has a header of ours in its log, at `logSeq`. Safe to do again. */
export function acceptHeader(work: Work, header: SignedHeader, logSeq: number): void {
  const chain = chainOf(work);
  if (header.seq <= chain.last.seq) return;
  const { pending } = chain;
  const on = pendingHeader(chain);
  if (pending !== null && on?.hash === header.hash) {
    const seals = parseSeals(pending.seals, header.kem);
    const cellIds = concat(...seals.map(({ cellId }) => fromHex(cellId)));
    const { rosterEpoch } = header;
    const { key } = pending;
    work.changes.push(
      keep(work, { seq: logSeq, header: pending.header, key, cellIds, rosterEpoch }),
    );
  }
  // Another header with this seq is ours too, of before a loss of state.
  work.chain = {
    ...chain,
    last: { seq: header.seq, hash: header.hash },
    pending: null,
  };
}

/** The DS says that it has accepted the pending message with this id. */
export function acceptPending(work: Work, messageId: string, logSeq: number): void {
  const header = pendingHeader(chainOf(work));
  if (header?.messageId === messageId) acceptHeader(work, header, logSeq);
}

function keep({ record }: Work, value: KeptRecord): Change {
  const { conversationId } = record;
  return {
    op: "put",
    store: STORES.kept,
    key: keptKey(conversationId, value.seq),
    group: conversationId,
    order: value.seq,
    value,
  };
}

export function keptKey(conversationId: string, seq: number): string {
  return `${conversationId}/${String(seq)}`;
}
