/** Parts of messages that kinds of messages share: files and mentions. */
import type { AttachmentId, PersonId } from "../ids.ts";
export interface Mention {
  readonly personId: PersonId;
  readonly start: number;
  readonly length: number;
}

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
