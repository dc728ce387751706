/** A charge in the reader's words. */
import type { Posting } from "@copconnect/client/wire";
import { unitName } from "#app/state/directory.svelte.ts";
import { nameOf } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";
import { isCharge } from "./beginning.ts";

/** "Officiating", "Additional charge"; "" for a regular post. */
export function chargeWord(held: Posting): string {
  return isCharge(held) ? t(`people.charge.${held.charge}`) : "";
}

/** "Officiating: DCP, Charminar Zone". */
export function chargeLine(held: Posting): string {
  const post = nameOf(held.post) || unitName(held.unitId);
  return t("people.chargeOf", { charge: chargeWord(held), post });
}
