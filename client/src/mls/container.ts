/**
 * How a cell is stored, whole: version = 1 (1) · suite (2) · ts-mls GroupState, without the device
 * key. Decoding is exact. The bytes hold secrets: the vault encrypts them. Pure.
 *
 * The ratchet tree is nearly all of a state, and no message changes it. So a state is also stored
 * apart: the tree as it is, and the rest as version = 2 (1) · suite (2) · length of what stands
 * before the tree (4) · that · what stands after it.
 */
import type { ClientState, GroupState } from "ts-mls";
import { decodeGroupState } from "ts-mls";
import { contramapBufferEncoders, encode } from "ts-mls/codec/tlsEncoder.js";
import { bigintMapEncoder, varLenDataEncoder } from "ts-mls/codec/variableLength.js";
import { epochReceiverDataEncoder } from "ts-mls/epochReceiverData.js";
import { groupActiveStateEncoder } from "ts-mls/groupActiveState.js";
import { groupContextEncoder } from "ts-mls/groupContext.js";
import { keyScheduleEncoder } from "ts-mls/keySchedule.js";
import { privateKeyPathEncoder } from "ts-mls/privateKeyPath.js";
import { ratchetTreeEncoder } from "ts-mls/ratchetTree.js";
import { secretTreeEncoder } from "ts-mls/secretTree.js";
import { unappliedProposalsEncoder } from "ts-mls/unappliedProposals.js";
import { CheckRefused } from "../check-failed.ts";

const VERSION = 1;
const HEADER_BYTES = 3;
const APART = 2;
const APART_HEADER_BYTES = 7;
const NO_KEY = new Uint8Array();

/** The fields of GroupState before its ratchet tree, in the library's order. */
const encodeBefore = encode(
  contramapBufferEncoders(
    [groupContextEncoder, keyScheduleEncoder, secretTreeEncoder],
    (state: GroupState) => [state.groupContext, state.keySchedule, state.secretTree] as const,
  ),
);

/** The fields after it. The device's key stays out. */
const encodeAfter = encode(
  contramapBufferEncoders(
    [
      privateKeyPathEncoder,
      varLenDataEncoder,
      unappliedProposalsEncoder,
      varLenDataEncoder,
      bigintMapEncoder(epochReceiverDataEncoder),
      groupActiveStateEncoder,
    ],
    (state: GroupState) =>
      [
        state.privatePath,
        NO_KEY,
        state.unappliedProposals,
        state.confirmationTag,
        state.historicalReceiverData,
        state.groupActiveState,
      ] as const,
  ),
);

export const encodeTree = encode(ratchetTreeEncoder);

/** `tree` is `encodeTree` of this state's ratchet tree. */
export function encodeContainer(state: ClientState, suite: number, tree: Uint8Array): Uint8Array {
  const before = encodeBefore(state);
  const after = encodeAfter(state);
  const bytes = new Uint8Array(HEADER_BYTES + before.length + tree.length + after.length);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint16(1, suite);
  bytes.set(before, HEADER_BYTES);
  bytes.set(tree, HEADER_BYTES + before.length);
  bytes.set(after, HEADER_BYTES + before.length + tree.length);
  before.fill(0);
  after.fill(0);
  return bytes;
}

/** Everything of a state but its ratchet tree. */
export function encodeApart(state: ClientState, suite: number): Uint8Array {
  const before = encodeBefore(state);
  const after = encodeAfter(state);
  const bytes = new Uint8Array(APART_HEADER_BYTES + before.length + after.length);
  bytes[0] = APART;
  const view = new DataView(bytes.buffer);
  view.setUint16(1, suite);
  view.setUint32(3, before.length);
  bytes.set(before, APART_HEADER_BYTES);
  bytes.set(after, APART_HEADER_BYTES + before.length);
  before.fill(0);
  after.fill(0);
  return bytes;
}

/** The whole container of what {@link encodeApart} and {@link encodeTree} made. */
export function joinApart(rest: Uint8Array, tree: Uint8Array): Uint8Array {
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  if (rest.length < APART_HEADER_BYTES || rest[0] !== APART)
    throw new CheckRefused("malformed", "stored cell has an unknown version");
  const end = APART_HEADER_BYTES + view.getUint32(3);
  if (end > rest.length) throw new CheckRefused("malformed", "stored cell cannot be read");
  const before = rest.subarray(APART_HEADER_BYTES, end);
  const after = rest.subarray(end);
  const bytes = new Uint8Array(HEADER_BYTES + before.length + tree.length + after.length);
  bytes[0] = VERSION;
  bytes.set(rest.subarray(1, HEADER_BYTES), 1);
  bytes.set(before, HEADER_BYTES);
  bytes.set(tree, HEADER_BYTES + before.length);
  bytes.set(after, HEADER_BYTES + before.length + tree.length);
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
