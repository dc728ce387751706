/** The sealed reason for which somebody asks to join a group (F4). */
import { concat, fromHex } from "../octets.ts";
import type { ConversationId, PersonId } from "../ids.ts";
import { JOIN_REASON_BYTES, MAX_JOIN_REQUEST_BYTES, REPORT_SEALS } from "../limits.ts";
import type { EnvelopeKind, EnvelopePlace } from "./sealed-envelope.ts";

export const JOIN: EnvelopeKind = {
  name: "join",
  rule: "F4",
  mostSeals: REPORT_SEALS,
  mostBytes: MAX_JOIN_REQUEST_BYTES,
  lengthBytes: 2,
  mostContent: JOIN_REASON_BYTES,
  padding: 256,
};

export function joinPlace(conversationId: ConversationId, asking: PersonId): EnvelopePlace {
  const conversation = fromHex(conversationId);
  return { salt: conversation, bytes: concat(conversation, fromHex(asking)) };
}
