/**
 * Guard record (G1): the weights, the policy and the known pictures that this
 * department's devices use, signed by the roster authority. A device never goes back to older ones.
 */
import { toHex } from "../octets.ts";
import { RecordFormat, bytes, integer, text, type RecordOf } from "../keys/format/record.ts";
import { refuseUnless } from "../keys/format/refused.ts";

export const GuardFormat = new RecordFormat(
  { label: "copconnect guard v1", rule: "G1", version: 1 },
  {
    number: integer(8),
    size: integer(4),
    weights: bytes(32),
    policyNumber: integer(8),
    policy: text,
    picturesNumber: integer(8),
    pictures: bytes(32),
  },
);
export type GuardRecord = RecordOf<typeof GuardFormat>;

/** Check a record that shall replace a former one. Throws Refused (G1). */
export async function checkGuard(
  record: GuardRecord,
  authority: Uint8Array,
  former: GuardRecord | null,
): Promise<void> {
  await GuardFormat.verify(record, authority);
  if (former === null) return;
  const newer =
    record.number >= former.number &&
    record.policyNumber >= former.policyNumber &&
    record.picturesNumber >= former.picturesNumber;
  refuseUnless(newer, "G1", "older than the record before");
  const sameWeights =
    record.number !== former.number || toHex(record.weights) === toHex(former.weights);
  refuseUnless(sameWeights, "G1", "two weights have one number");
  const samePolicy = record.policyNumber !== former.policyNumber || record.policy === former.policy;
  refuseUnless(samePolicy, "G1", "two policies have one number");
  const samePictures =
    record.picturesNumber !== former.picturesNumber ||
    toHex(record.pictures) === toHex(former.pictures);
  refuseUnless(samePictures, "G1", "two lists of pictures have one number");
}
