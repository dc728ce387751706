/** Sanctions put into words. */
import type { Barred, SanctionView } from "@copconnect/client/core";
import { formatMoment } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

/** "You cannot post in large groups until 4 December, 18:00." */
export function lineOf({ kind, untilMs }: SanctionView): string {
  return t(`reports.sanction.line.${kind}`, { until: formatMoment(untilMs) });
}

/** The same in the place of the composer that a sanction closes. */
export function barredLine({ kind, untilMs }: Barred): string {
  if (kind === "unknown" || untilMs === null) return t("conversation.barred.now");
  return t(`reports.sanction.line.${kind}`, { until: formatMoment(untilMs) });
}
