/** Messages between the service worker and the page. Types and checks only. */
import type { AttachmentId } from "@copconnect/client/wire";

/** The path under which the page's players ask for plaintext: /media/{attachmentId}. */
export const MEDIA_PREFIX = "/media/";

/** Service worker → page, with a port for the answer: describe this attachment. */
export interface DescribeRequest {
  readonly type: "media-describe";
  readonly attachmentId: AttachmentId;
}

/** Service worker → page, with a port for the answer: plaintext bytes [start, end). */
export interface BytesRequest {
  readonly type: "media-bytes";
  readonly attachmentId: AttachmentId;
  readonly start: number;
  readonly end: number;
}

export type MediaRequest = DescribeRequest | BytesRequest;

export type MediaReply =
  | { readonly ok: true; readonly mime: string; readonly size: number }
  | { readonly ok: true; readonly bytes: Uint8Array }
  | { readonly ok: false };

/** Page → waiting service worker: take over now. */
export interface TakeOver {
  readonly type: "take-over";
}

/** Page → worker in charge, with a port that gets an answer if the worker serves another version. */
export interface PageLoaded {
  readonly type: "page-loaded";
  /** The address of the page's script: its name has a hash of the version. */
  readonly entry: string;
}

/** Page → the first service worker of this phone: files that the page has loaded without it. */
export interface KeepFiles {
  readonly type: "keep-files";
  readonly urls: readonly string[];
}

export function isMediaRequest(value: unknown): value is MediaRequest {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  return value.type === "media-describe" || value.type === "media-bytes";
}

export function isTakeOver(value: unknown): value is TakeOver {
  return (
    typeof value === "object" && value !== null && "type" in value && value.type === "take-over"
  );
}

export function isPageLoaded(value: unknown): value is PageLoaded {
  return (
    typeof value === "object" && value !== null && "type" in value && value.type === "page-loaded"
  );
}

export function isKeepFiles(value: unknown): value is KeepFiles {
  return (
    typeof value === "object" && value !== null && "type" in value && value.type === "keep-files"
  );
}

/** The attachment id of a media path: 32 hex digits and nothing else. */
export function mediaId(pathname: string): AttachmentId | null {
  const match = /^\/media\/([0-9a-f]{32})$/.exec(pathname);
  return (match?.[1] ?? null) as AttachmentId | null;
}

/**
 * The type under which plaintext is answered. The sender chose it, so only sound and video pass:
 * as a document of this origin, HTML or SVG would run as the app.
 */
export function playableType(mime: string): string {
  return /^(video|audio)\/[a-z0-9.+-]{1,60}$/.test(mime) ? mime : "application/octet-stream";
}
