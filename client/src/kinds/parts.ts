/** Parts of messages that kinds of messages share: files and mentions. */
import type { AttachmentId, PersonId, UnitId } from "../ids.ts";

/**
 * The people whom a mention calls: a person, the holders of a post in one unit or in all (null),
 * those of a rank, or everybody. Post and rank are words that person cards sign.
 */
export type Called =
  | { readonly personId: PersonId }
  | { readonly post: string; readonly unitId: UnitId | null }
  | { readonly rank: string }
  | { readonly everybody: true };

/** A mention at its place in the text. */
export type Mention = Called & { readonly start: number; readonly length: number };

export type AttachmentKind = "image" | "audio" | "voice" | "video" | "document";

export interface AttachmentView {
  readonly attachmentId: AttachmentId;
  readonly kind: AttachmentKind;
  readonly name: string;
  readonly mime: string;
  readonly size: number;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  /** A tiny preview: thumbhash bytes for images and video. */
  readonly thumb: Uint8Array | null;
  /** 0-100 loudness values for voice notes. */
  readonly waveform: readonly number[] | null;
  /** Hex of the SHA-256 that its sender signed; null: none. */
  readonly sha256?: string | null;
  /** How far it has come in bytes, being encrypted, on its way up or down; null when idle. */
  readonly progress: {
    readonly done: number;
    readonly total: number;
    readonly direction: "preparing" | "up" | "down";
  } | null;
  /** Whether the plaintext is on this device. */
  readonly local: boolean;
}

/** Something to send. `file` stays a Blob: the core reads it in chunks. */
export interface OutgoingAttachment {
  readonly kind: AttachmentKind;
  readonly file: Blob;
  readonly name: string;
  readonly mime: string;
  readonly width?: number;
  readonly height?: number;
  readonly durationMs?: number;
  readonly thumb?: Uint8Array;
  readonly waveform?: readonly number[];
  /** Its bytes are as they were taken, with their hidden data; its person did not ask for that. */
  readonly untouched?: boolean;
  /** It is kept with its conversation's draft (`keepDraftFiles`), sealed already. */
  readonly kept?: AttachmentId;
}
