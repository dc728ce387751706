/**
 * Ids as lower-case hex, each its own type, for maps and arguments. Records carry the same ids as
 * bytes; {@link idOf} turns one into the other and `fromHex` of octets.ts turns it back.
 */
import { toHex } from "../octets.ts";

declare const kind: unique symbol;

type Id<Kind extends string> = string & { readonly [kind]: Kind };

export type PersonId = Id<"person">;
/** 32 bytes: H(T("copconnect device v1") ‖ person ‖ client ‖ public key). */
export type DeviceId = Id<"device">;
export type ConversationId = Id<"conversation">;
export type CellId = Id<"cell">;
export type MessageId = Id<"message">;
/** 32 bytes: the hash of a ConversationKey record. */
export type KeyId = Id<"conversation key">;
/** 16 bytes: of a DeviceKey or CellKey record. */
export type SealKeyId = Id<"seal key">;
/** 32 bytes: the hash of a record, its signature included. */
export type RecordHash = Id<"record">;

type AnyId =
  PersonId | DeviceId | ConversationId | CellId | MessageId | KeyId | SealKeyId | RecordHash;

/** The id that these bytes are. The caller says which kind of id it is. */
export function idOf<I extends AnyId>(bytes: Uint8Array): I {
  return toHex(bytes) as I;
}
