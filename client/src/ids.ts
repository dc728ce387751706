/**
 * Ids, each its own type, as hex or as the data bank spells them: for fields, arguments and keys of
 * maps. Records of docs/keys.md carry the same ids as bytes; {@link idOf} turns those into text and
 * `fromHex` of octets.ts turns the text back.
 *
 * Plain text becomes an id only where it comes from outside: a decoded wire message is typed by
 * wire.ts, a row of the vault by its record, and the web app casts what it reads from an address, an
 * element or its own storage. Imports octets.ts alone.
 */
import { randomBytes, toHex } from "./octets.ts";

declare const kind: unique symbol;

type Id<Kind extends string> = string & { readonly [kind]: Kind };

export type PersonId = Id<"person">;
/** One registration of a device with the server. */
export type ClientId = Id<"client">;
/** 32 bytes: H(T("copconnect device v1") ‖ person ‖ client ‖ public key). */
export type DeviceId = Id<"device">;
export type ConversationId = Id<"conversation">;
export type CellId = Id<"cell">;
export type MessageId = Id<"message">;
export type AttachmentId = Id<"attachment">;
/** 32 bytes: the hash of a ConversationKey record. */
export type KeyId = Id<"conversation key">;
/** 16 bytes: of a DeviceKey or CellKey record. */
export type SealKeyId = Id<"seal key">;
/** 32 bytes: the hash of a record, its signature included. */
export type RecordHash = Id<"record">;
/** A stable code of the data bank, such as "TG-HYD-CHR-001". */
export type UnitId = Id<"unit">;
/** A post of the organisation, held by somebody or vacant. */
export type PostId = Id<"post">;
/** A one-time code that was sent. */
export type ChallengeId = Id<"challenge">;
/** A signed administrative act. */
export type ActId = Id<"act">;
export type UploadId = Id<"upload">;
/** A report to moderators, its case and the sanction that follows from it. */
export type ReportId = Id<"report">;
/** A legal hold. */
export type HoldId = Id<"hold">;
/** A change of a conversation's members. */
export type ChangeId = Id<"change">;
/** A comparison of digits (E3). */
export type ConfirmationId = Id<"confirmation">;
/** A lesson: its course and its name, such as "officer.first-message". */
export type LessonId = Id<"lesson">;
/** A folder of conversations that a person made. */
export type FolderId = Id<"folder">;

/** The subject of an alarm about this person's devices: a device or a DeviceKey record (E5). */
export type AlarmId = DeviceId | RecordHash;

type HexId =
  | PersonId
  | ClientId
  | DeviceId
  | ConversationId
  | CellId
  | MessageId
  | AttachmentId
  | KeyId
  | SealKeyId
  | RecordHash
  | PostId
  | ActId
  | ReportId
  | UploadId
  | HoldId
  | ChangeId
  | ConfirmationId
  | FolderId;

/** A fresh id: 16 bytes of chance. The caller says which kind of id it is. */
export function newId<I extends HexId>(): I {
  return toHex(randomBytes(16)) as I;
}

/** The id that these bytes are. The caller says which kind of id it is. */
export function idOf<I extends HexId>(bytes: Uint8Array): I {
  return toHex(bytes) as I;
}
