/** A CSV file (RFC 4180) in UTF-8 with a byte order mark, which Excel needs to read Telugu. Pure. */
import { utf8, type Bytes } from "../../octets.ts";
import { cellText } from "./cells.ts";

export const BYTE_ORDER_MARK: Bytes = new Uint8Array([0xef, 0xbb, 0xbf]);

/** One line, with its end. Every cell is quoted, so that none is taken for a number or a date. */
export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => `"${cellText(cell).replaceAll('"', '""')}"`);
  return `${quoted.join(",")}\r\n`;
}

export function csvPart(lines: readonly (readonly string[])[]): Bytes {
  return utf8(lines.map(csvLine).join(""));
}
