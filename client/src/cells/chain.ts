/**
 * Sender chains as a receiver judges them: each device numbers its messages in a conversation from
 * 1 and refers to the one before. Pure.
 */
import type { SignedHeader } from "./message.ts";
import { CellRefused } from "./refused.ts";

/** The last header of one sender device that was accepted. */
export interface ChainPlace {
  readonly seq: number;
  /** H(header ‖ signature), hex. */
  readonly hash: string;
}

export type Continuation =
  | { readonly kind: "next" }
  /** Nothing was received from this device before, and this is not its first: we came later. */
  | { readonly kind: "start" }
  /** Messages `from` to `to` (seq, both inclusive) are missing: backfill, or show the gap. */
  | { readonly kind: "gap"; readonly from: number; readonly to: number };

/**
 * How a header continues what we hold of its sender. Refuses with `already_received` (drop it
 * quietly) or `chain_broken` (an alarm: the sender or the DS shows different receivers different
 * messages).
 */
export function judgeChain(
  last: ChainPlace | null,
  header: Pick<SignedHeader, "seq" | "prev">,
): Continuation {
  if (last === null) return { kind: header.seq === 1 ? "next" : "start" };
  if (header.seq <= last.seq)
    throw new CellRefused("already_received", "a message of this seq was accepted before");
  if (header.seq > last.seq + 1) return { kind: "gap", from: last.seq + 1, to: header.seq - 1 };
  if (header.prev !== last.hash)
    throw new CellRefused("chain_broken", "the message does not follow the one before");
  return { kind: "next" };
}
