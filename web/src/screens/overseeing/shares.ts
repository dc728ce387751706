/** Counts as parts of a ring or a bar, and as percentages. Pure. */
import type { OrderCounts } from "@copconnect/client/core";

export type ProgressState = "acknowledged" | "read" | "received" | "unreadable" | "waiting";

export interface Share {
  readonly part: ProgressState;
  readonly people: number;
  /** In [0, 1]; all together 1, or 0 where nobody owes. */
  readonly share: number;
}

/** How far people have come, each once, the furthest first. */
export function shares({
  owed,
  received,
  read,
  acknowledged,
  unreadable,
}: OrderCounts): readonly Share[] {
  const parts: readonly (readonly [ProgressState, number])[] = [
    ["acknowledged", acknowledged],
    ["read", read - acknowledged],
    ["received", received - read - unreadable],
    ["unreadable", unreadable],
    ["waiting", owed - received],
  ];
  return parts.map(([part, people]) => ({ part, people, share: owed === 0 ? 0 : people / owed }));
}

/** The counts of several orders together. */
export function added(counts: readonly OrderCounts[]): OrderCounts {
  const sum = (of: (one: OrderCounts) => number): number =>
    counts.reduce((total, one) => total + of(one), 0);
  const each = (of: (one: OrderCounts) => readonly number[]): readonly number[] => {
    const most = Math.max(0, ...counts.map((one) => of(one).length));
    return Array.from({ length: most }, (_, at) => sum((one) => of(one)[at] ?? 0));
  };
  return {
    owed: sum(({ owed }) => owed),
    received: sum(({ received }) => received),
    read: sum(({ read }) => read),
    acknowledged: sum(({ acknowledged }) => acknowledged),
    told: sum(({ told }) => told),
    unreadable: sum(({ unreadable }) => unreadable),
    photos: sum(({ photos }) => photos),
    choices: each(({ choices }) => choices),
    items: each(({ items }) => items),
  };
}

/** Whole percents that never say 100 before all have, nor 0 after one has. */
export function percent({ acknowledged, owed }: OrderCounts): number {
  if (owed === 0 || acknowledged === 0) return 0;
  if (acknowledged === owed) return 100;
  return Math.min(99, Math.max(1, Math.round((100 * acknowledged) / owed)));
}

/** Whether anybody still owes an acknowledgement, an item of the checklist or a photo. */
export function isWanting(counts: OrderCounts, photo: boolean): boolean {
  const { owed, unreadable, acknowledged, items, photos } = counts;
  const done = photo ? [...items, photos] : items;
  return acknowledged + unreadable < owed || done.some((people) => people < acknowledged);
}
