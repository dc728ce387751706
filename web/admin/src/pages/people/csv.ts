/**
 * CSV for spreadsheets. A cell that a spreadsheet would run as a formula is text with an apostrophe
 * before it. Pure.
 */
const RUNS = /^[=+\-@\t\r]/u;

export function csvOf(rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => {
    const safe = RUNS.test(text) ? `'${text}` : text;
    return /[",\r\n]/u.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const byteOrderMark = "\u{feff}";
  return byteOrderMark + rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
