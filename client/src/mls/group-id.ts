/** MLS group_id = conversation id (16) ‖ cell id (16). Pure. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { CheckRefused } from "../check-failed.ts";

const ID = /^[0-9a-f]{32}$/u;

export interface GroupId {
  readonly conversationId: string;
  readonly cellId: string;
}

export function encodeGroupId(id: GroupId): Uint8Array {
  if (!ID.test(id.conversationId) || !ID.test(id.cellId))
    throw new CheckRefused("malformed", "ids are 32 hex digits");
  return hexToBytes(id.conversationId + id.cellId);
}

export function decodeGroupId(bytes: Uint8Array): GroupId {
  if (bytes.length !== 32) throw new CheckRefused("malformed", "group id is not 32 bytes");
  return {
    conversationId: bytesToHex(bytes.subarray(0, 16)),
    cellId: bytesToHex(bytes.subarray(16)),
  };
}
