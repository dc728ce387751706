/**
 * Incarnation (S8): the roster authority's word that a backup of the server was restored. A device
 * goes back in a log only under one whose number is above the ones that it went back under.
 */
import { RecordFormat, integer, type RecordOf } from "../format/record.ts";
import { refuseUnless } from "../format/refused.ts";

export const IncarnationFormat = new RecordFormat(
  { label: "copconnect incarnation v1", rule: "S8", version: 1 },
  { created: integer(8), number: integer(8) },
);
export type Incarnation = RecordOf<typeof IncarnationFormat>;

export async function checkIncarnation(record: Incarnation, authority: Uint8Array): Promise<void> {
  refuseUnless(record.number >= 1, "S8", "an incarnation without a number");
  await IncarnationFormat.verify(record, authority);
}
