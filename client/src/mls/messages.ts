/**
 * MLSMessage (RFC 9420 section 6) in and out, exactly: trailing bytes, unknown wire formats and
 * anything the library chokes on are `malformed`. Pure.
 */
import type { GroupInfo, KeyPackage, MLSMessage, PrivateMessage, Welcome } from "ts-mls";
import { decodeMlsMessage, encodeMlsMessage } from "ts-mls";
import type { PublicMessage } from "ts-mls/publicMessage.js";
import { CheckRefused } from "../check-failed.ts";

function decode(bytes: Uint8Array): MLSMessage {
  let decoded: ReturnType<typeof decodeMlsMessage>;
  try {
    decoded = decodeMlsMessage(bytes, 0);
  } catch (error) {
    throw new CheckRefused("malformed", "not an MLS message", null, error);
  }
  if (decoded === undefined) throw new CheckRefused("malformed", "not an MLS message");
  const [message, length] = decoded;
  if (length !== bytes.length) throw new CheckRefused("malformed", "bytes after the MLS message");
  return message;
}

function unexpected(expected: string, found: string): CheckRefused {
  return new CheckRefused("malformed", `expected ${expected}, found ${found}`);
}

export function decodePublicMessage(bytes: Uint8Array): PublicMessage {
  const message = decode(bytes);
  if (message.wireformat !== "mls_public_message")
    throw unexpected("a PublicMessage", message.wireformat);
  return message.publicMessage;
}

export function decodePrivateMessage(bytes: Uint8Array): PrivateMessage {
  const message = decode(bytes);
  if (message.wireformat !== "mls_private_message")
    throw unexpected("a PrivateMessage", message.wireformat);
  return message.privateMessage;
}

export function decodeWelcome(bytes: Uint8Array): Welcome {
  const message = decode(bytes);
  if (message.wireformat !== "mls_welcome") throw unexpected("a Welcome", message.wireformat);
  return message.welcome;
}

export function decodeGroupInfo(bytes: Uint8Array): GroupInfo {
  const message = decode(bytes);
  if (message.wireformat !== "mls_group_info") throw unexpected("a GroupInfo", message.wireformat);
  return message.groupInfo;
}

export function decodeKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decode(bytes);
  if (message.wireformat !== "mls_key_package")
    throw unexpected("a KeyPackage", message.wireformat);
  return message.keyPackage;
}

export function encodePublicMessage(publicMessage: PublicMessage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_public_message", publicMessage });
}

export function encodePrivateMessage(privateMessage: PrivateMessage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
}

export function encodeWelcome(welcome: Welcome): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome });
}

export function encodeGroupInfo(groupInfo: GroupInfo): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_group_info", groupInfo });
}

export function encodeKeyPackage(keyPackage: KeyPackage): Uint8Array {
  return encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package", keyPackage });
}
