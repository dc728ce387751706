/** S7: this device's own chain of messages, as the server has it. */
import type { DeviceContext } from "../context.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { HeaderFormat, type Header } from "../keys/message.ts";
import { equalBytes, fromHex } from "../octets.ts";
import type { Conversation } from "./conversation.ts";

/**
 * The header of this device's last message in a conversation. Null: the server has none. Refuses (S7) a
 * header that this device did not sign, or signed elsewhere.
 */
export async function ownHeader(
  { api, identity, trust }: DeviceContext,
  { id }: Conversation,
): Promise<Header | null> {
  const { header: bytes } = await api.senderChain(id);
  if (bytes === null) return null;
  const header = HeaderFormat.parse(bytes, "S7");
  const { device, deviceBytes, personId } = identity();
  refuseUnless(equalBytes(header.sender, deviceBytes), "S7", "another device's chain");
  refuseUnless(equalBytes(header.conversation, fromHex(id)), "S7", "another conversation's chain");
  const certificate = await trust.certificateOf(personId, device);
  if (certificate === null) throw new Refused("S7", "own certificate is unknown");
  await HeaderFormat.verify(header, certificate.publicKey);
  return header;
}
