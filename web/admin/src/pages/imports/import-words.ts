/** Columns, kinds and problems of imports in the reader's language. */
import type { ImportProblem, UnitId } from "@copconnect/client/wire";
import { rankName, unitName } from "#app/state/directory.svelte.ts";
import { formatList, formatNumber } from "#i18n/format.ts";
import { c, known } from "#console/words.ts";

/** A column of the data bank; one that has no words is shown as files name it. */
export function columnText(column: string): string {
  return known(`imports.columns.${column}`) ?? column;
}

/** A value as people say it: units and ranks by their names. */
export function valueText(column: string, value: string): string {
  if (value === "") return c("imports.nothing");
  if (column === "unit" || column === "parent") return unitName(value as UnitId) || value;
  return column === "rank" ? rankName(value) || value : value;
}

export function tableText(table: string): string {
  return known(`imports.tables.${table}`) ?? table;
}

export function kindText(kind: string): string {
  return known(`imports.kinds.${kind}`) ?? kind;
}

/** A problem of a row, and what to do. */
export function problemText({ code, column, value, suggestions, other }: ImportProblem): string {
  const words =
    known(`imports.problems.${code}`, { value, column: columnText(column) }) ?? `${code}: ${value}`;
  const line = other === 0 ? "" : ` ${c("imports.otherRow", { row: formatNumber(other) })}`;
  const close =
    suggestions.length === 0 ? "" : ` ${c("imports.perhaps", { list: formatList(suggestions) })}`;
  return words + line + close;
}

/** Why a file could not be read. */
export function fileText(problem: string, value: string): string {
  return (
    known(`imports.files.${problem}`, { value }) ??
    known(`imports.refused.${problem}`) ??
    `${problem} ${value}`
  );
}
