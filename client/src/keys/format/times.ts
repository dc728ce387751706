/** Spans of docs/keys.md, in milliseconds. */
import { CLOCK_LEEWAY_MS } from "../../limits.ts";

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** How far clocks may differ, and how old what is "newest" may be (S1, R6, D1). */
export const CLOCKS_MS = CLOCK_LEEWAY_MS;

/** Younger than `limit`, and not from a future that no clock explains. */
export function isYoung(createdMs: number, nowMs: number, limit: number): boolean {
  return nowMs - limit < createdMs && createdMs <= nowMs + CLOCKS_MS;
}
