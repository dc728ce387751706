import { expect, test } from "vitest";
import type { AdminCharts, UnitId } from "@copconnect/client/wire";
import { byHour, registered } from "./figures.ts";

test("registrations add up week by week, of one unit or of all; hours are the clock's own", () => {
  const [a, b] = ["a" as UnitId, "b" as UnitId];
  const charts: AdminCharts = {
    ...{ firstMs: 1_000, weekMs: 10, versions: [], sizes: [], activity: [] },
    registrations: [
      { unitId: a, weeks: [5, 0, 2] },
      { unitId: b, weeks: [1, 1, 1] },
    ],
  };
  expect(registered(charts, null)).toEqual({ labels: [1_000, 1_010, 1_020], values: [6, 7, 10] });
  expect(registered(charts, a).values).toEqual([5, 5, 7]);
  const atNine = new Date(2026, 0, 5, 9, 30).getTime();
  const days = [atNine, atNine + 86_400_000].map((fromMs) => ({ fromMs, messages: 4 }));
  expect(byHour(days).values[9]).toBe(8);
  expect(byHour([]).values).toHaveLength(24);
});
