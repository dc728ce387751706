/** Counts as lists of the wire, as the screens show them. The server may send anything. Pure. */
import { ORDER_CHOICES, ORDER_ITEMS } from "../limits.ts";
import type { UnitId } from "../ids.ts";
import type { OrderCounts, OrderProgressView } from "../seam/overseeing.ts";
import type { OrderProgress } from "../wire.ts";

/** Counts before those of the choices. */
const FIXED = 7;
const MOST_UNITS = 20_000;

export const NOBODY: OrderCounts = {
  owed: 0,
  received: 0,
  read: 0,
  acknowledged: 0,
  told: 0,
  unreadable: 0,
  photos: 0,
  choices: [],
  items: [],
};

/** The counts of a list, the last `items` of which are of items; null where it is none. */
export function readCounts(list: unknown, items: number): OrderCounts | null {
  const known = Number.isSafeInteger(items) && items >= 0 && items <= ORDER_ITEMS;
  if (!known || !Array.isArray(list) || list.length < FIXED + items) return null;
  if (list.length > FIXED + ORDER_CHOICES + items) return null;
  const numbers = list as readonly unknown[];
  if (!numbers.every((one) => Number.isSafeInteger(one) && (one as number) >= 0)) return null;
  const [owed, received, read, acknowledged, told, unreadable, photos, ...rest] = numbers as [
    ...[number, number, number, number, number, number, number],
    ...number[],
  ];
  const nested = owed >= received && received >= read && read >= acknowledged;
  const within = [told, photos, ...rest].every((count) => count <= acknowledged);
  if (!nested || !within || unreadable > received - read) return null;
  const [choices, done] = [rest.slice(0, rest.length - items), rest.slice(rest.length - items)];
  return { owed, received, read, acknowledged, told, unreadable, photos, choices, items: done };
}

/** The progress that the server tells; null where it is malformed. */
export function readProgress(
  told: Pick<OrderProgress, "orderId" | "unitId" | "countedMs" | "items" | "total" | "units">,
): OrderProgressView | null {
  const total = readCounts(told.total, told.items);
  if (total === null || !Number.isSafeInteger(told.countedMs)) return null;
  if (typeof told.units !== "object" || (told.units as unknown) === null) return null;
  const given = Object.entries(told.units);
  if (given.length > MOST_UNITS) return null;
  const units = new Map<UnitId, OrderCounts>();
  for (const [unitId, list] of given) {
    const counts = readCounts(list, told.items);
    if (counts === null) return null;
    units.set(unitId as UnitId, counts);
  }
  const { orderId, unitId, countedMs } = told;
  return { orderId, unitId, countedMs, total, units };
}

/** The known counts with a difference merged in. The older of two counts never replaces the newer. */
export function merged(
  known: OrderProgressView | null,
  next: OrderProgressView,
): OrderProgressView {
  if (known === null || known.orderId !== next.orderId || known.unitId !== next.unitId) return next;
  if (next.countedMs < known.countedMs) return known;
  return { ...next, units: new Map([...known.units, ...next.units]) };
}
