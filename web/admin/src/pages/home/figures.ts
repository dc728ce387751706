/** The console's charts as labels and numbers. Pure. */
import type { AdminCharts, SpanCount, UnitId } from "@copconnect/client/wire";

/** A chart: a name and a number for each point. */
export interface Points<L> {
  readonly labels: readonly L[];
  readonly values: readonly number[];
}

/** People registered by the end of each week, by when it ends; of one unit, or of all. */
export function registered(charts: AdminCharts, unit: UnitId | null): Points<number> {
  const chosen = charts.registrations.filter(({ unitId }) => unit === null || unitId === unit);
  const weeks = Math.max(0, ...charts.registrations.map((one) => one.weeks.length));
  let sum = 0;
  const values = Array.from({ length: weeks }, (_, week) => {
    for (const one of chosen) sum += one.weeks[week] ?? 0;
    return sum;
  });
  return { labels: values.map((_, week) => charts.firstMs + week * charts.weekMs), values };
}

/** A week's messages by the hour of the day, as this device's clock has it. */
export function byHour(activity: readonly SpanCount[]): Points<number> {
  const values = new Array<number>(24).fill(0);
  for (const { fromMs, messages } of activity) {
    const hour = new Date(fromMs).getHours();
    values[hour] = (values[hour] ?? 0) + messages;
  }
  return { labels: values.map((_, hour) => hour), values };
}
