/**
 * A workbook (ECMA-376, .xlsx), written row by row into compressed parts: 63,000 rows never stand in
 * memory as XML. Texts are inline strings, which no program computes, and are neutralised all the same,
 * because people save sheets as CSV.
 */
import { Zip, ZipDeflate, ZipPassThrough } from "fflate";
import { copy, utf8, type Bytes } from "../../octets.ts";
import { cellText } from "./csv.ts";

export type SheetCell = string | number;

export interface Sheet {
  /** Cut to 31 characters without the characters that names of sheets may not have. */
  readonly name: string;
  /** Widths of columns in characters. */
  readonly widths: readonly number[];
}

/** The longest text that a cell may hold. */
const MOST_TEXT = 32_767;
const HEADER = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml";
/** Fast: most bytes are signatures, which nothing compresses. */
const LEVEL = 3;
const STYLES =
  `<styleSheet xmlns="${MAIN}"><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>` +
  '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>' +
  '<fills count="2"><fill><patternFill patternType="none"/></fill>' +
  '<fill><patternFill patternType="gray125"/></fill></fills>' +
  '<borders count="1"><border/></borders>' +
  '<cellStyleXfs count="1"><xf/></cellStyleXfs>' +
  '<cellXfs count="2"><xf xfId="0"/><xf xfId="0" fontId="1" applyFont="1"/></cellXfs></styleSheet>';

export class Workbook {
  readonly #parts: Bytes[] = [];
  readonly #sheets: string[] = [];
  readonly #rightToLeft: boolean;
  readonly #madeMs: number;
  readonly #zip: Zip;
  #sheet: ZipDeflate | null = null;

  constructor(options: { readonly rightToLeft: boolean; readonly madeMs: number }) {
    this.#rightToLeft = options.rightToLeft;
    this.#madeMs = options.madeMs;
    this.#zip = new Zip((error, part) => {
      if (error) throw error;
      this.#parts.push(copy(part));
    });
  }

  /** Begin a sheet, the one before is whole. Its first row is set in bold and stays in sight. */
  begin(sheet: Sheet): void {
    this.#end();
    this.#sheets.push(sheetName(sheet.name, this.#sheets));
    const file = new ZipDeflate(`xl/worksheets/sheet${String(this.#sheets.length)}.xml`, {
      level: LEVEL,
    });
    this.#add(file);
    this.#sheet = file;
    const direction = this.#rightToLeft ? ' rightToLeft="1"' : "";
    const columns = sheet.widths
      .map((width, at) => {
        const number = String(at + 1);
        return `<col min="${number}" max="${number}" width="${String(width)}" customWidth="1"/>`;
      })
      .join("");
    this.#push(
      `${HEADER}<worksheet xmlns="${MAIN}"><sheetViews><sheetView${direction} workbookViewId="0">` +
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>' +
        `</sheetView></sheetViews><cols>${columns}</cols><sheetData>`,
    );
  }

  rows(rows: readonly (readonly SheetCell[])[], bold = false): void {
    const style = bold ? ' s="1"' : "";
    const row = (cells: readonly SheetCell[]): string =>
      `<row>${cells.map((cell) => cellXml(cell, style)).join("")}</row>`;
    this.#push(rows.map(row).join(""));
  }

  /** The file, in parts that follow each other. */
  done(): readonly Bytes[] {
    this.#end();
    const names = this.#sheets;
    const each = (write: (number: string, name: string) => string): string =>
      names.map((name, at) => write(String(at + 1), name)).join("");
    this.#file(
      "[Content_Types].xml",
      `<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ` +
        `ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
        `<Override PartName="/xl/workbook.xml" ContentType="${TYPE}.sheet.main+xml"/>` +
        `<Override PartName="/xl/styles.xml" ContentType="${TYPE}.styles+xml"/>` +
        each(
          (number) =>
            `<Override PartName="/xl/worksheets/sheet${number}.xml" ` +
            `ContentType="${TYPE}.worksheet+xml"/>`,
        ) +
        "</Types>",
    );
    this.#file(
      "_rels/.rels",
      `<Relationships xmlns="${PACKAGE}/relationships"><Relationship Id="rId1" ` +
        `Type="${RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    );
    this.#file(
      "xl/workbook.xml",
      `<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>` +
        each(
          (number, name) =>
            `<sheet name="${escaped(name)}" sheetId="${number}" r:id="rId${number}"/>`,
        ) +
        "</sheets></workbook>",
    );
    const styles = String(names.length + 1);
    this.#file(
      "xl/_rels/workbook.xml.rels",
      `<Relationships xmlns="${PACKAGE}/relationships">` +
        each(
          (number) =>
            `<Relationship Id="rId${number}" Type="${RELATIONS}/worksheet" ` +
            `Target="worksheets/sheet${number}.xml"/>`,
        ) +
        `<Relationship Id="rId${styles}" Type="${RELATIONS}/styles" Target="styles.xml"/>` +
        "</Relationships>",
    );
    this.#file("xl/styles.xml", STYLES);
    this.#zip.end();
    return this.#parts;
  }

  #add(file: ZipDeflate | ZipPassThrough): void {
    file.mtime = this.#madeMs;
    this.#zip.add(file);
  }

  #push(xml: string): void {
    this.#sheet?.push(utf8(xml), false);
  }

  #end(): void {
    this.#sheet?.push(utf8("</sheetData></worksheet>"), true);
    this.#sheet = null;
  }

  #file(name: string, xml: string): void {
    const file = new ZipPassThrough(name);
    this.#add(file);
    file.push(utf8(HEADER + xml), true);
  }
}

function cellXml(cell: SheetCell, style: string): string {
  if (typeof cell === "number")
    return Number.isFinite(cell) ? `<c${style}><v>${String(cell)}</v></c>` : "<c/>";
  if (cell === "") return "<c/>";
  const text = escaped(cellText(cell).slice(0, MOST_TEXT));
  return `<c${style} t="inlineStr"><is><t xml:space="preserve">${text}</t></is></c>`;
}

/** Without the characters that XML 1.0 cannot hold, which no name needs. */
function escaped(text: string): string {
  return (
    text
      // eslint-disable-next-line no-control-regex -- these are what XML refuses.
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\ud800-\udfff]/gu, "")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
  );
}

function sheetName(name: string, taken: readonly string[]): string {
  const plain = [...name.replace(/[[\]:*?/\\']/gu, " ").trim()].slice(0, 28).join("") || "Sheet";
  return taken.includes(plain) ? `${plain} ${String(taken.length + 1)}` : plain;
}
