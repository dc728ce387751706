/** Imports of the scripted console: a file of whatever content is one of 1,200 rows with a few faults. */
import type { Core } from "@copconnect/client/core";
import type {
  AdminImports,
  ImportChoices,
  ImportRow,
  ImportRows,
  ImportShow,
  Upload,
  UploadId,
} from "@copconnect/client/wire";
import { pause } from "#practice/station.ts";

type Admin = Core["admin"];

type Calls = Pick<
  Admin,
  | "imports"
  | "beginUpload"
  | "sendUpload"
  | "examineUpload"
  | "upload"
  | "uploadRows"
  | "uploadReport"
>;

const PEOPLE = [
  ...["code", "name_en", "name_te", "number", "rank", "post_en", "roles", "unit", "status"],
];
const COUNTS: Readonly<Record<string, number>> = {
  ...{ added: 40, changed: 90, moved: 25, refused: 12, removed: 3, unchanged: 1_055 },
};
const PAGE = 200;
const NONE: ImportChoices = {
  removeMissing: false,
  partial: false,
  confirmed: false,
  sheets: {},
  columns: {},
  aliases: {},
};

export class ScriptedImports implements Calls {
  #choices: ImportChoices = NONE;
  #name = "roll.xlsx";
  #done = 0;
  #examined = 0;

  async imports(): Promise<AdminImports> {
    const past = {
      ...{ source: "transfers-march.xlsx", by: "operator hrms", atMs: Date.now() - 86_400_000 },
      ...{ undoes: null, undoneMs: null, undoable: true, counts: { added: 12, moved: 140 } },
    };
    const imports = [
      { number: 8, ...past },
      { number: 7, ...past, source: "people.csv", undoneMs: Date.now(), undoable: false },
    ];
    return { uploads: [], imports, columns: { people: [...PEOPLE] } };
  }

  async beginUpload(_: Blob, name: string): Promise<UploadId> {
    this.#name = name;
    this.#done = 0;
    return "e".repeat(32) as UploadId;
  }

  async sendUpload(): Promise<void> {
    for (this.#done = 0; this.#done < 4; this.#done++) await pause(200);
  }

  async examineUpload(_: UploadId, choices: ImportChoices): Promise<void> {
    this.#choices = choices;
    this.#examined = Date.now();
  }

  async upload(uploadId: UploadId): Promise<Upload> {
    const passed = Date.now() - this.#examined;
    const state = this.#examined === 0 ? "receiving" : passed < 1_500 ? "examining" : "ready";
    const judged = Math.min(1_200, Math.floor(passed));
    return {
      ...{ uploadId, name: this.#name, size: 3_500_000, sha256: "0".repeat(64), by: null },
      ...{ madeMs: Date.now(), state, part: state === "examining" ? "judging" : "" },
      ...(state === "receiving" ? { done: this.#done, total: 4 } : { done: judged, total: 1_200 }),
      ...{ problem: "", value: "", choices: this.#choices, number: null },
      preview: state === "ready" ? this.#preview() : null,
    };
  }

  #preview(): NonNullable<Upload["preview"]> {
    const sure = this.#choices.confirmed;
    const headings = ["Emp No", "Name of Officer", "Mobile", "Rank", "Police Station", "Remarks"];
    const of = ["Emp No", "Name of Officer", "", "Mobile", "Rank", "", "", "Police Station", ""];
    const columns = PEOPLE.map((column, index) => ({
      ...{ column, headings: of[index] === "" ? [] : [of[index] ?? ""], confidence: 0.7 },
      sure: sure || of[index] !== "Police Station",
    }));
    const sheet = { name: "Sheet1", label: this.#name, table: "people", columns, headings };
    return {
      ...{ digest: "0".repeat(64), counts: { ...COUNTS }, people: 3_000, leaving: 3, repeated: 0 },
      ...{ sheets: [{ ...sheet, remembered: false, rows: 1_200 }], paths: [""], aliases: [] },
      unsure: sure ? [] : ["unit = Police Station"],
    };
  }

  async uploadRows(_: UploadId, show: ImportShow, after: string | null): Promise<ImportRows> {
    const total = COUNTS[show] ?? 0;
    const start = Number(after ?? 0) * PAGE;
    const count = Math.max(0, Math.min(PAGE, total - start));
    const rows = Array.from({ length: count }, (__, index) => rowOf(show, start + index));
    const next = start + count < total ? String(Number(after ?? 0) + 1) : null;
    return { rows, next, total };
  }

  async uploadReport(): Promise<Blob> {
    return new Blob(["a workbook"]);
  }
}

function rowOf(show: ImportShow, index: number): ImportRow {
  const problem = { code: "unit_unknown", column: "unit", value: "Charminar P.S", other: 0 };
  const moved = { column: "unit", old: "TG-HYD-CHR-001", new: "TG-HYD-CHR-002" };
  return {
    ...{ table: "people", code: `TS-${String(10_000 + index)}`, name: "K. Srinivas Reddy" },
    ...{ file: "roll.xlsx", line: show === "removed" ? 0 : index + 2, kinds: [show] },
    values: show === "changed" || show === "moved" ? [moved] : [],
    problems: show === "refused" ? [{ ...problem, suggestions: ["TG-HYD-CHR-001"] }] : [],
  };
}
