/** Columns of the console's tables. */
import type { Snippet } from "svelte";

export interface TableColumn<Row> {
  readonly name: string;
  readonly header: string;
  readonly cell: Snippet<[Row]>;
  /** A track of the grid on a wide screen, such as "2fr" or "8rem". */
  readonly width: string;
  /** The value to sort by, where all rows are here; absent: the column does not sort. */
  readonly value?: (row: Row) => string | number;
  /** A cell that cannot be the title of a card, such as a number: there its heading is before it. */
  readonly bare?: boolean;
}
