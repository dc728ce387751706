/** Counts as parts of a ring or a bar, and as percentages. Pure. */
import type { OrderCounts } from "@copconnect/client/core";

export type Part = "acknowledged" | "read" | "received" | "unreadable" | "waiting";

export interface Share {
  readonly part: Part;
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
  const parts: readonly (readonly [Part, number])[] = [
    ["acknowledged", acknowledged],
    ["read", read - acknowledged],
    ["received", received - read - unreadable],
    ["unreadable", unreadable],
    ["waiting", owed - received],
  ];
  return parts.map(([part, people]) => ({ part, people, share: owed === 0 ? 0 : people / owed }));
}

/** Whole percents that never say 100 before all have, nor 0 after one has. */
export function percent({ acknowledged, owed }: OrderCounts): number {
  if (owed === 0 || acknowledged === 0) return 0;
  if (acknowledged === owed) return 100;
  return Math.min(99, Math.max(1, Math.round((100 * acknowledged) / owed)));
}
