/**
 * Saving and opening files that somebody else sent.
 *
 * Invariant: bytes from a message are never shown as a page of this origin. An HTML or SVG file
 * opened by a blob address would run as the app itself, so only types on the short list are
 * opened, under the listed type and not the sender's; everything else is saved.
 */

import { splitName } from "./format.ts";

const OPENED: Readonly<Record<string, string>> = {
  "text/plain": "text/plain;charset=utf-8",
  "image/jpeg": "image/jpeg",
  "image/png": "image/png",
  "image/webp": "image/webp",
  "image/gif": "image/gif",
};

/** Shown in the app (pdf/), in a worker that runs nothing of it. */
export const PDF = "application/pdf";

/** Time for a new tab or a download to take hold of an address before it is revoked. */
const REVOKE_AFTER_MS = 60_000;

export function canOpen(mime: string): boolean {
  return mime in OPENED || mime === PDF;
}

function follow(blob: Blob, prepare: (link: HTMLAnchorElement) => void): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  prepare(link);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), REVOKE_AFTER_MS);
}

/** Save to the device under a safe form of the name. */
export function saveBlob(blob: Blob, name: string): void {
  const bytes = new Blob([blob], { type: "application/octet-stream" });
  follow(bytes, (link) => {
    link.download = safeName(name);
  });
}

/** Open in a new tab if the type is on the list, else save. */
export function openBlob(blob: Blob, name: string, mime: string): void {
  const type = OPENED[mime];
  if (type === undefined) {
    saveBlob(blob, name);
    return;
  }
  follow(new Blob([blob], { type }), (link) => {
    link.target = "_blank";
    link.rel = "noopener";
  });
}

const MOST_LETTERS = 120;

/**
 * A file name without path separators, control characters or direction overrides ("cod.exe"
 * written right to left reads as "exe.doc"); a long one keeps its ending.
 */
export function safeName(name: string): string {
  const cleaned = name
    .replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === "\u200c" || c === "\u200d" ? c : ""))
    .replace(/[/\\:*?"<>|]/g, "_")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  if (cleaned === "") return "file";
  if (cleaned.length <= MOST_LETTERS) return cleaned;
  const { stem, ending } = splitName(cleaned);
  // Not in the middle of a letter that takes two units.
  return stem.slice(0, MOST_LETTERS - ending.length).replace(/[\uD800-\uDBFF]$/, "") + ending;
}
