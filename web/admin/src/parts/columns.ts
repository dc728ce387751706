/** Columns of the console's tables. */
import type { Snippet } from "svelte";

export interface TableColumn<Row> {
  readonly id: string;
  readonly header: string;
  readonly cell: Snippet<[Row]>;
  /** A track of the grid on a wide screen, such as "2fr" or "8rem". */
  readonly width: string;
  /** What the column sorts by, where all rows are here; absent: it does not sort. */
  readonly value?: (row: Row) => string | number;
}
