/**
 * Administrative acts (docs/protocol.md): what an admin asks for, signed by the admin's device. The body
 * is the JSON of a structure of the wire, kept as the exact bytes that were signed.
 */
import { RecordFormat, bytes, integer, sized, type RecordOf } from "../format/record.ts";
import { Refused } from "../format/refused.ts";
import { MAX_ACT_BYTES } from "../../limits.ts";

export const ActFormat = new RecordFormat(
  { label: "copconnect admin-act v1", rule: "act", version: 1 },
  {
    device: bytes(32),
    actId: bytes(16),
    created: integer(8),
    body: sized(4, MAX_ACT_BYTES),
  },
);
export type SignedAct = RecordOf<typeof ActFormat>;

export async function isSigned(act: SignedAct, publicKey: Uint8Array): Promise<boolean> {
  try {
    await ActFormat.verify(act, publicKey);
    return true;
  } catch (error) {
    if (error instanceof Refused) return false;
    throw error;
  }
}
