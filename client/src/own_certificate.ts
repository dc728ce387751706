/**
 * Whether what this device signs in a conversation would still be taken. The DS does not look at it;
 * to the others a message or a commit under a certificate that has run out is a failed check: it
 * stops their conversation, or shows them nothing. So a device that was away for so long renews
 * first. Pure.
 */
import type { Conversation } from "./conversation.ts";
import { parseCertificate } from "./trust/certificate.ts";

/** By object: the same few are asked about before each message. */
const ends = new WeakMap<Uint8Array, number>();

function hasRunOut(certificate: Uint8Array, nowMs: number): boolean {
  let endMs = ends.get(certificate);
  if (endMs === undefined) {
    endMs = parseCertificate(certificate).notAfterMs;
    ends.set(certificate, endMs);
  }
  return nowMs >= endMs;
}

/** The device's own, or the one in its leaf of the cell. `nowMs`: by the server's clock. */
export function signsInVain(
  { group }: Pick<Conversation, "group">,
  { certificate }: { readonly certificate: Uint8Array },
  nowMs: number,
): boolean {
  if (hasRunOut(certificate, nowMs)) return true;
  const own = group?.members().find(({ leafIndex }) => leafIndex === group.ownLeafIndex);
  return own !== undefined && hasRunOut(own.certificate, nowMs);
}
