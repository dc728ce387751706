/** Auto-lock times in words. */
import { t } from "#i18n/index.svelte.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const AUTO_LOCK_MS: readonly number[] = [
  0,
  MINUTE_MS,
  5 * MINUTE_MS,
  15 * MINUTE_MS,
  HOUR_MS,
  8 * HOUR_MS,
];

export function spanOf(ms: number): string {
  if (ms <= 0) return t("me.atOnce");
  return ms < HOUR_MS
    ? t("me.minutes", { count: Math.round(ms / MINUTE_MS) })
    : t("me.hours", { count: Math.round(ms / HOUR_MS) });
}
