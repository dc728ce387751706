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
  /** When the server first had this value; null: this device set it, and has not received it back. */
  readonly saidMs: number | null;
  /** When any device last sent this value; null: this device has yet to send it. */
  readonly sentMs: number | null;
  /** From when this device may carry the item out, which it does before it sends it; null: done. */
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
 * Whether an honest device can have reached this count: it counts at most once a second since 1970. So
 * a thief's device cannot set a count that an honest device cannot exceed one second later.
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
