/**
 * Head stamp (S1): the roster authority says that a head is the newest. Without
 * one of the last 10 minutes a device signs, seals and shares nothing.
 */
import { equalBytes } from "../../octets.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";
import { CLOCKS_MS } from "../format/times.ts";
import type { RosterHead } from "./head.ts";

export const HeadStampFormat = new RecordFormat(
  { label: "copconnect stamp v1", rule: "S1", version: null },
  { conversation: bytes(16), head: bytes(32), time: integer(8) },
);
export type HeadStamp = RecordOf<typeof HeadStampFormat>;

/**
 * Check S1 for a checked head. `nowMs`: T1's clock. `named`: the highest epoch in a header or record
 * that this device accepted.
 */
export async function checkStamp(
  stamp: HeadStamp,
  head: RosterHead,
  authority: Uint8Array,
  nowMs: number,
  named: number,
): Promise<void> {
  const same =
    equalBytes(stamp.conversation, head.conversation) && equalBytes(stamp.head, head.hash);
  refuseUnless(same, "S1", "another head's stamp");
  await HeadStampFormat.verify(stamp, authority);
  requireFreshStamp(stamp, head, nowMs, named);
}

/** S1 again, later, for a stamp whose signature is checked already. */
export function requireFreshStamp(
  stamp: HeadStamp,
  head: RosterHead,
  nowMs: number,
  named: number,
): void {
  const fresh = Math.abs(nowMs - stamp.time) <= CLOCKS_MS;
  refuseUnless(fresh, "S1", "stamp is not of the last 10 minutes");
  refuseUnless(head.epoch >= named, "S1", "a later epoch is known");
}
