/**
 * Personal items, and the rule by which one of two values counts. Pure.
 *
 * Every item is its own register: a change counts one on from the value that its device knew. The higher
 * count wins; of two devices that changed the same item without knowing of each other, the higher value.
 * So the order of arrival, a repetition and a gap change nothing, and no clock is asked.
 */
import type { ItemKey, ItemValue, OwnItem } from "../kinds/own.ts";

/** An item as this device keeps it. `own/<key>`. */
export interface OwnRow extends OwnItem {
  /** When the server had it first; null: this device changed it, and has not heard it back. */
  readonly saidMs: number | null;
  /** When it was sent last, by whichever device; null: it is to be sent. */
  readonly sentMs: number | null;
  /** It is still to be carried out here, and before that sent to nobody; null: it is done. */
  readonly dueMs: number | null;
  /** The item before, for as long as this one is to be carried out. */
  readonly before?: Pick<OwnRow, "value" | "saidMs">;
  /** When the person set the item on this device; absent: on another device. */
  readonly toldMs?: number;
}

export function itemKey({ name, of, part }: ItemKey): string {
  return part === null ? `${name}/${of}` : `${name}/${of}/${part}`;
}

export function outweighs(next: OwnItem, known: OwnItem | undefined): boolean {
  if (known === undefined || next.changes !== known.changes)
    return next.changes > (known?.changes ?? -1);
  const [a, b] = [rank(next.value), rank(known.value)];
  return a > b;
}

/**
 * Whether a device of a person can have counted so far by then: at most once a second since 1970. So the
 * count of a device in other hands is left behind a second later, and never too high to go on from.
 */
export function isCounted({ changes }: OwnItem, sentMs: number): boolean {
  return changes <= sentMs / 1_000;
}

/** Values in one order: nothing, then numbers, then words. */
function rank(value: ItemValue): string {
  if (value === null) return "";
  if (typeof value === "number") return `0${String(value).padStart(16, "0")}`;
  return `1${value}`;
}
