/**
 * A CSV file (RFC 4180) in UTF-8 with a byte order mark, which Excel needs to read Telugu; and cells of
 * exported files: texts that no program takes for a formula, and times. Pure.
 */
import { utf8, type Bytes } from "../../octets.ts";

export const BYTE_ORDER_MARK: Bytes = new Uint8Array([0xef, 0xbb, 0xbf]);

/** One line, with its end. Every cell is quoted, so that none is taken for a number or a date. */
export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => `"${cellText(cell).replaceAll('"', '""')}"`);
  return `${quoted.join(",")}\r\n`;
}

export function csvPart(lines: readonly (readonly string[])[]): Bytes {
  return utf8(lines.map(csvLine).join(""));
}

/** Characters with which spreadsheets begin a formula or a command, full-width ones too. */
const FORMULA = /^\s*[=+\-@\uff0b\uff0d\uff1d\uff20]/u;
/** Begins a cell too: some programs drop it and read on. */
const LEADING_CONTROL = /^[\t\r\n]/u;
const IST_OFFSET_MS = 330 * 60_000;

/**
 * The text as a cell says it. Names, posts and answers come from people: a text that a spreadsheet
 * would compute begins with an apostrophe.
 */
export function cellText(text: string): string {
  return FORMULA.test(text) || LEADING_CONTROL.test(text) ? `'${text}` : text;
}

/** A time in India, ISO 8601 with its offset: "2026-11-27T10:12:33+05:30"; "" for none. */
export function cellTime(ms: number | null): string {
  if (ms === null || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15 - IST_OFFSET_MS) return "";
  return `${new Date(ms + IST_OFFSET_MS).toISOString().slice(0, 19)}+05:30`;
}
