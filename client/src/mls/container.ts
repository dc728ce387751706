/**
 * How a cell is stored: version = 1 (1) · suite (2) · ts-mls GroupState, without the device key.
 * Decoding is exact. The bytes hold secrets: the vault encrypts them. Pure.
 */
import type { ClientState, GroupState } from "ts-mls";
import { decodeGroupState, encodeGroupState } from "ts-mls";
import { CheckRefused } from "../check-failed.ts";

const VERSION = 1;
const HEADER_BYTES = 3;

export function encodeContainer(state: ClientState, suite: number): Uint8Array {
  const group = encodeGroupState({ ...state, signaturePrivateKey: new Uint8Array() });
  const bytes = new Uint8Array(HEADER_BYTES + group.length);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint16(1, suite);
  bytes.set(group, HEADER_BYTES);
  group.fill(0);
  return bytes;
}

export function decodeContainer(bytes: Uint8Array, suite: number): GroupState {
  if (bytes.length < HEADER_BYTES || bytes[0] !== VERSION)
    throw new CheckRefused("malformed", "stored cell has an unknown version");
  const found = new DataView(bytes.buffer, bytes.byteOffset).getUint16(1);
  if (found !== suite)
    throw new CheckRefused("malformed", `stored cell is of suite ${String(found)}`);
  // A copy: the decoded state is made of views into it, and discarding zeroes them.
  const group = bytes.slice(HEADER_BYTES);
  let decoded: ReturnType<typeof decodeGroupState>;
  try {
    decoded = decodeGroupState(group, 0);
  } catch (error) {
    throw new CheckRefused("malformed", "stored cell cannot be read", null, error);
  }
  if (decoded === undefined || decoded[1] !== group.length)
    throw new CheckRefused("malformed", "stored cell cannot be read");
  return decoded[0];
}
