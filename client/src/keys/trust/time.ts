/**
 * Time record (T1): the roster authority's answer to this device's own nonce. A
 * device anchors its time by one after each start, then counts on its monotonic clock.
 */
import { equalBytes } from "../../octets.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";

export const TimeFormat = new RecordFormat(
  { label: "copconnect time v2", rule: "T1", version: null },
  { nonce: bytes(16), time: integer(8), logSize: integer(8), logRoot: bytes(32) },
);
export type Time = RecordOf<typeof TimeFormat>;

/** Return the time that an answer to `nonce` gives. Throws Refused. */
export async function checkTime(
  record: Time,
  nonce: Uint8Array,
  authority: Uint8Array,
): Promise<number> {
  refuseUnless(equalBytes(record.nonce, nonce), "T1", "answers another device's nonce");
  await TimeFormat.verify(record, authority);
  return record.time;
}
