/** Photos that an order asks for, counted in words. */
import type { OrderCounts } from "@copconnect/client/core";
import { formatNumber } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

/** "31 of 40 sent a photo". */
export function photosOf({ photos, owed }: OrderCounts): string {
  return t("orders.photo.count", { number: formatNumber(photos), of: formatNumber(owed) });
}
