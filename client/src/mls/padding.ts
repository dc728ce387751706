/**
 * Padding of application messages: the encrypted content is a multiple of 256 bytes, so that the
 * DS sees sizes only roughly. Pure.
 */
import type { PaddingConfig } from "ts-mls";

const BUCKET = 256;
/** Signature with its length prefix, as PrivateMessageContent carries it. */
const SIGNATURE_BYTES = 2 + 64;

function prefixBytes(length: number): number {
  return length < 64 ? 1 : length < 16384 ? 2 : 4;
}

export function paddingFor(plaintext: Uint8Array): PaddingConfig {
  const content = prefixBytes(plaintext.length) + plaintext.length + SIGNATURE_BYTES;
  return { kind: "alwaysPad", paddingLength: (BUCKET - (content % BUCKET)) % BUCKET };
}
