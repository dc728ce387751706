/** Days of planned transfers, YYYY-MM-DD: they begin at 00:00 India time, wherever the reader is. */
import { formatDate } from "#i18n/format.ts";

const INDIA = "+05:30";
const DAY_MS = 86_400_000;

/** The first day that a transfer can be planned for. */
export function tomorrow(nowMs = Date.now()): string {
  const india = new Date(nowMs + 5.5 * 3_600_000 + DAY_MS);
  return india.toISOString().slice(0, 10);
}

export function dayText(day: string): string {
  return formatDate(new Date(`${day}T12:00${INDIA}`).getTime());
}
