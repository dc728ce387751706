/**
 * Fields of a message's content. The bytes come from another device: every size and length is
 * bounded here, and what does not fit throws {@link Misshapen}. Pure.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { idOf, type AttachmentId, type ConversationId } from "../ids.ts";
import type { MessageId, PersonId, UnitId } from "../ids.ts";
import { concat, u64, utf8 } from "../octets.ts";
import type { AttachmentKind, Called, Mention } from "./parts.ts";
import { MAX_ATTACHMENT_BYTES } from "../wire.ts";

export const MAX_TEXT = 16_384;
export const MAX_ATTACHMENTS = 32;
const MAX_MENTIONS = 256;
const MAX_UNIT = 64;
const ID_LABEL = utf8("copconnect attachment id v1\0");
export const MAX_NAME = 255;
/** A count of forwards goes no higher. */
const MOST_FORWARDS = 255;

/** How a message points to an encrypted attachment. `key` never leaves the ends. */
export interface AttachmentPointer {
  readonly id: AttachmentId;
  readonly kind: AttachmentKind;
  readonly name: string;
  readonly mime: string;
  readonly size: number;
  readonly key: Uint8Array;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  readonly thumb: Uint8Array | null;
  readonly waveform: readonly number[] | null;
  /** SHA-256 of the file, which its sender signs with the message; null: the sender has not said. */
  readonly sha256: Uint8Array | null;
}

/**
 * The id of the attachment that is sealed under a key: it commits to key and size, so that nobody
 * can point to somebody else's attachment with another key and so spoil it for people who have it.
 */
export function attachmentIdOf(key: Uint8Array, size: number): AttachmentId {
  return idOf(sha256(concat(ID_LABEL, key, u64(size))).subarray(0, 16));
}

export interface ReplyPointer {
  readonly messageId: MessageId;
  readonly personId: PersonId;
  /** The conversation of the quoted message, where it is another one. */
  readonly conversationId?: ConversationId;
  /** First characters of the quoted message, for people who do not have it. */
  readonly preview: string;
}

export type ContentFields = Readonly<Record<string, unknown>>;

export class Misshapen extends Error {}

export function isFields(value: unknown): value is ContentFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(value: unknown): ContentFields {
  if (!isFields(value)) throw new Misshapen();
  return value;
}

export function string(value: unknown, max: number): string {
  if (typeof value !== "string" || value.length > max) throw new Misshapen();
  return value;
}

export function id<I extends PersonId | MessageId | AttachmentId | ConversationId>(
  value: unknown,
): I {
  if (typeof value !== "string" || !/^[0-9a-f]{32}$/.test(value)) throw new Misshapen();
  return value as I;
}

export function number(value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !(value >= min && value <= max)) throw new Misshapen();
  return value;
}

export function integer(value: unknown, max: number): number {
  if (!Number.isSafeInteger(value)) throw new Misshapen();
  return number(value, 0, max);
}

/** How often what a message holds was forwarded to come here; 0: it was written here. */
export function forwards(value: unknown): number {
  return integer(value, MOST_FORWARDS);
}

/** The count of a forward of it. */
export function onceMore(count: number): number {
  return Math.min(MOST_FORWARDS, count + 1);
}

export function bytes(value: unknown, max: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > max) throw new Misshapen();
  return value;
}

export function hash(value: unknown): Uint8Array {
  const found = bytes(value, 32);
  if (found.length !== 32) throw new Misshapen();
  return found;
}

export function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new Misshapen();
  return value;
}

export function nullable<T>(value: unknown, readOne: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : readOne(value);
}

export function list<T>(value: unknown, max: number, readOne: (value: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > max) throw new Misshapen();
  return value.map(readOne);
}

export function mentions(value: unknown): Mention[] {
  return list(value, MAX_MENTIONS, (one) => {
    const mention = fields(one);
    return {
      ...called(mention),
      start: integer(mention["start"], MAX_TEXT),
      length: integer(mention["length"], MAX_TEXT),
    };
  });
}

function called(mention: ContentFields): Called {
  const { personId, post, unitId, rank, everybody } = mention;
  if (post !== undefined) return { post: word(post), unitId: nullable(unitId, unit) };
  if (rank !== undefined) return { rank: word(rank) };
  if (everybody === true) return { everybody };
  return { personId: id(personId) };
}

function unit(value: unknown): UnitId {
  return string(value, MAX_UNIT) as UnitId;
}

function word(value: unknown): string {
  const said = string(value, MAX_NAME);
  if (said === "") throw new Misshapen();
  return said;
}

export function replyTo(value: unknown): ReplyPointer {
  const pointer = fields(value);
  return {
    messageId: id(pointer["messageId"]),
    personId: id(pointer["personId"]),
    preview: string(pointer["preview"], 1024),
    ...elsewhere(pointer["conversationId"]),
  };
}

function elsewhere(value: unknown): Pick<ReplyPointer, "conversationId"> {
  return value === undefined || value === null ? {} : { conversationId: id<ConversationId>(value) };
}

/**
 * One line as it is shown: without control characters and without characters that turn the direction,
 * with which "report\u202Efdp.exe" reads as "reportexe.pdf". Joiners belong to words.
 */
export function line(value: unknown, max: number): string {
  return string(value, max)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => (c === "\u200c" || c === "\u200d" ? c : ""))
    .trim();
}

/** A file's name as it is shown and saved. */
function fileName(value: unknown): string {
  const name = line(value, MAX_NAME);
  return name === "" ? "file" : name;
}

const ATTACHMENT_KINDS: ReadonlySet<unknown> = new Set<AttachmentKind>([
  "image",
  "audio",
  "voice",
  "video",
  "document",
]);

function isAttachmentKind(value: unknown): value is AttachmentKind {
  return ATTACHMENT_KINDS.has(value);
}

export function attachment(value: unknown): AttachmentPointer {
  const pointer = fields(value);
  const kind = pointer["kind"];
  if (!isAttachmentKind(kind)) throw new Misshapen();
  const key = bytes(pointer["key"], 32);
  const size = integer(pointer["size"], MAX_ATTACHMENT_BYTES);
  if (key.length !== 32 || pointer["id"] !== attachmentIdOf(key, size)) throw new Misshapen();
  return {
    id: id(pointer["id"]),
    kind,
    name: fileName(pointer["name"]),
    mime: string(pointer["mime"], MAX_NAME),
    size,
    key,
    width: nullable(pointer["width"], (v) => integer(v, 1e6)),
    height: nullable(pointer["height"], (v) => integer(v, 1e6)),
    durationMs: nullable(pointer["durationMs"], (v) => integer(v, 1e9)),
    thumb: nullable(pointer["thumb"], (v) => bytes(v, 4096)),
    waveform: nullable(pointer["waveform"], (v) => list(v, 512, (one) => number(one, 0, 100))),
    sha256: nullable(pointer["sha256"], hash),
  };
}
