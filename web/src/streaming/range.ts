/** HTTP ranges (RFC 9110 section 14) for one range of bytes. Pure; imports nothing. */

/** The most plaintext that one answer carries: an attachment chunk. */
export const MOST_BYTES = 1024 * 1024;

export type RangeRequest =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

/**
 * The range that a Range header asks of `size` bytes; `end` is exclusive. An absent,
 * malformed or multiple range means the whole, as the RFC allows.
 */
export function parseRange(header: string | null, size: number): RangeRequest {
  const match = /^bytes=(\d*)-(\d*)$/.exec((header ?? "").trim());
  const first = match?.[1] ?? "";
  const last = match?.[2] ?? "";
  if (match === null || (first === "" && last === "")) return { kind: "whole" };
  if (first === "") {
    const suffix = Number(last);
    if (suffix === 0 || size === 0) return { kind: "unsatisfiable" };
    return { kind: "part", start: Math.max(0, size - suffix), end: size };
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(size, Number(last) + 1);
  if (start >= size) return { kind: "unsatisfiable" };
  if (end <= start) return { kind: "whole" };
  return { kind: "part", start, end };
}

/**
 * Cut a range so that it ends on a chunk border and holds at most one chunk: a player asks for
 * "everything from here" and is content with less; each answer then needs one chunk.
 */
export function clampToChunk(
  range: { readonly start: number; readonly end: number },
  chunk = MOST_BYTES,
): { readonly start: number; readonly end: number } {
  const border = (Math.floor(range.start / chunk) + 1) * chunk;
  return { start: range.start, end: Math.min(range.end, border) };
}

/** `bytes 0-1048575/5000000` */
export function contentRange(start: number, end: number, size: number): string {
  return `bytes ${start}-${end - 1}/${size}`;
}
