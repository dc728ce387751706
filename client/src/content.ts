/**
 * What a PrivateMessage carries: `{v: 1, kind, …}` in MessagePack (docs/protocol.md, "Message").
 *
 * Decoding never throws: bytes of a higher version, of an unknown kind or of the wrong shape become
 * `unsupported`, and the caller keeps the bytes so that a later app can show them. Sizes and text
 * lengths are bounded here, because the bytes come from another device.
 */
import { encode } from "@msgpack/msgpack";
import { attachmentIdOf } from "./attachments/cipher.ts";
import type { AttachmentKind, Mention } from "./core.ts";
import { copy } from "./octets.ts";
import type { Bytes } from "./octets.ts";
import { unpack } from "./unpack.ts";
import { MAX_ATTACHMENT_BYTES } from "./wire.ts";

export const CONTENT_VERSION = 1;
export const MAX_TEXT = 16_384;
const MAX_MENTIONS = 256;
const MAX_ATTACHMENTS = 32;
const MAX_NAME = 255;

/** How a message points to an encrypted attachment. `key` never leaves the ends. */
export interface AttachmentPointer {
  readonly id: string;
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
}

export interface ReplyPointer {
  readonly messageId: string;
  readonly personId: string;
  /** First characters of the quoted message, for those who do not have it. */
  readonly preview: string;
}

export type Content =
  | {
      readonly kind: "text";
      readonly text: string;
      readonly mentions: readonly Mention[];
      readonly replyTo: ReplyPointer | null;
    }
  | {
      readonly kind: "attachments";
      readonly text: string;
      readonly mentions: readonly Mention[];
      readonly replyTo: ReplyPointer | null;
      readonly attachments: readonly AttachmentPointer[];
    }
  | {
      readonly kind: "location";
      readonly latitude: number;
      readonly longitude: number;
      readonly accuracyM: number | null;
      readonly takenMs: number;
      readonly replyTo: ReplyPointer | null;
    }
  | {
      readonly kind: "profile";
      readonly title: string;
      readonly photo: AttachmentPointer | null;
      /** Told to those who do not know it; no change. */
      readonly told: boolean;
    }
  | { readonly kind: "profile_request" };

export type Decoded = Content | { readonly kind: "unsupported" };

export function encodeContent(content: Content): Bytes {
  return copy(encode({ v: CONTENT_VERSION, ...content }));
}

export function decodeContent(bytes: Uint8Array): Decoded {
  try {
    return read(unpack(bytes)) ?? { kind: "unsupported" };
  } catch {
    return { kind: "unsupported" };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function read(value: unknown): Content | null {
  if (!isFields(value) || value["v"] !== CONTENT_VERSION) return null;
  switch (value["kind"]) {
    case "text":
      return {
        kind: "text",
        text: string(value["text"], MAX_TEXT),
        mentions: mentions(value["mentions"]),
        replyTo: nullable(value["replyTo"], replyTo),
      };
    case "attachments":
      return {
        kind: "attachments",
        text: string(value["text"], MAX_TEXT),
        mentions: mentions(value["mentions"]),
        replyTo: nullable(value["replyTo"], replyTo),
        attachments: list(value["attachments"], MAX_ATTACHMENTS, attachment),
      };
    case "location":
      return {
        kind: "location",
        latitude: number(value["latitude"], -90, 90),
        longitude: number(value["longitude"], -180, 180),
        accuracyM: nullable(value["accuracyM"], (v) => number(v, 0, 1e8)),
        takenMs: integer(value["takenMs"], Number.MAX_SAFE_INTEGER),
        replyTo: nullable(value["replyTo"], replyTo),
      };
    case "profile":
      return {
        kind: "profile",
        title: string(value["title"], MAX_NAME),
        photo: nullable(value["photo"], attachment),
        told: value["told"] === true,
      };
    case "profile_request":
      return { kind: "profile_request" };
    default:
      return null;
  }
}

class Misshapen extends Error {}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fields(value: unknown): Fields {
  if (!isFields(value)) throw new Misshapen();
  return value;
}

function string(value: unknown, max: number): string {
  if (typeof value !== "string" || value.length > max) throw new Misshapen();
  return value;
}

function id(value: unknown): string {
  if (typeof value !== "string" || !/^[0-9a-f]{32}$/.test(value)) throw new Misshapen();
  return value;
}

function number(value: unknown, min: number, max: number): number {
  if (typeof value !== "number" || !(value >= min && value <= max)) throw new Misshapen();
  return value;
}

function integer(value: unknown, max: number): number {
  if (!Number.isSafeInteger(value)) throw new Misshapen();
  return number(value, 0, max);
}

function bytes(value: unknown, max: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length > max) throw new Misshapen();
  return value;
}

function nullable<T>(value: unknown, readOne: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : readOne(value);
}

function list<T>(value: unknown, max: number, readOne: (value: unknown) => T): T[] {
  if (!Array.isArray(value) || value.length > max) throw new Misshapen();
  return value.map(readOne);
}

function mentions(value: unknown): Mention[] {
  return list(value, MAX_MENTIONS, (one) => {
    const mention = fields(one);
    return {
      personId: id(mention["personId"]),
      start: integer(mention["start"], MAX_TEXT),
      length: integer(mention["length"], MAX_TEXT),
    };
  });
}

function replyTo(value: unknown): ReplyPointer {
  const pointer = fields(value);
  return {
    messageId: id(pointer["messageId"]),
    personId: id(pointer["personId"]),
    preview: string(pointer["preview"], 1024),
  };
}

/**
 * A file's name as it is shown and saved: without control characters and without those that turn
 * the direction, with which "report\u202Efdp.exe" reads as "reportexe.pdf". Joiners belong to words.
 */
function fileName(value: unknown): string {
  const name = string(value, MAX_NAME)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => (c === "\u200c" || c === "\u200d" ? c : ""))
    .trim();
  return name === "" ? "file" : name;
}

const KINDS: ReadonlySet<unknown> = new Set(["image", "audio", "voice", "video", "document"]);

function attachment(value: unknown): AttachmentPointer {
  const pointer = fields(value);
  const kind = pointer["kind"];
  if (!KINDS.has(kind)) throw new Misshapen();
  const key = bytes(pointer["key"], 32);
  const size = integer(pointer["size"], MAX_ATTACHMENT_BYTES);
  if (key.length !== 32 || pointer["id"] !== attachmentIdOf(key, size)) throw new Misshapen();
  return {
    id: id(pointer["id"]),
    kind: kind as AttachmentKind,
    name: fileName(pointer["name"]),
    mime: string(pointer["mime"], MAX_NAME),
    size,
    key,
    width: nullable(pointer["width"], (v) => integer(v, 1e6)),
    height: nullable(pointer["height"], (v) => integer(v, 1e6)),
    durationMs: nullable(pointer["durationMs"], (v) => integer(v, 1e9)),
    thumb: nullable(pointer["thumb"], (v) => bytes(v, 4096)),
    waveform: nullable(pointer["waveform"], (v) => list(v, 512, (one) => number(one, 0, 100))),
  };
}
