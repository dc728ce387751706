/** Counts as the console's charts show them. */
import type { AdminCharts } from "@copconnect/client/wire";
import { UNITS } from "../organisation.ts";

const WEEK_MS = 604_800_000;
const HALF_HOUR_MS = 1_800_000;

export function sampleCharts(): AdminCharts {
  const now = Date.now();
  const begun = now - (now % HALF_HOUR_MS) - WEEK_MS;
  return {
    firstMs: now - 26 * WEEK_MS,
    weekMs: WEEK_MS,
    registrations: UNITS.filter(({ parentId }) => parentId === UNITS[0]?.unitId).map(
      ({ unitId }, at) => ({
        unitId,
        weeks: Array.from({ length: 27 }, (_, week) =>
          week < 8 + 3 * at ? 0 : Math.round((1_900 - 200 * at) / (week - 5 - 3 * at)),
        ),
      }),
    ),
    versions: [
      { app: "0.1.0", devices: 46_300 },
      { app: "0.0.9", devices: 1_410 },
      { app: "", devices: 392 },
    ],
    sizes: [2, 10, 50, 100, 500, 1_000, 10_000].map((least, at, all) => ({
      ...{ least, most: at + 1 < all.length ? (all[at + 1] ?? 0) - 1 : null },
      groups: [412, 655, 240, 78, 9, 3, 1][at] ?? 0,
    })),
    activity: Array.from({ length: 336 }, (_, at) => ({
      fromMs: begun + at * HALF_HOUR_MS,
      messages: Math.round(900 * (1.2 + Math.sin((2 * Math.PI * (at - 16)) / 48))),
    })),
  };
}
