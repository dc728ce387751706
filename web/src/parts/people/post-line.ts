/** Posts, their holders and charges, in the words of the reader. */
import type { Post, Posting } from "@copconnect/client/wire";
import { formatList, formatNumber, nameOf } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";
import { unitName } from "#app/state/directory.svelte.ts";
import { isCharge } from "./beginning.ts";

const NAMED = 2;

/** Whether nobody holds the post for good; somebody may officiate. */
export function isVacant({ holders }: Post): boolean {
  return !holders.some(({ charge }) => charge === "regular");
}

/** "Ravi Kumar", "Ravi Kumar and 11 more", "Vacant · Ravi Kumar officiates", "Vacant". */
export function heldLine(post: Post): string {
  const shown = post.holders.slice(0, NAMED);
  const each = shown.map(({ person }) => nameOf(person.names));
  const more = formatNumber(post.heldBy - shown.length);
  const who =
    post.heldBy > shown.length
      ? t("people.holdersMore", { names: each.join(", "), more })
      : formatList(each);
  if (!isVacant(post)) return who;
  if (post.holders.length === 0) return t("people.vacant");
  return `${t("people.vacant")} · ${t("people.inCharge", { names: who })}`;
}

/** "Officiating", "Additional charge"; "" for a regular post. */
export function chargeWord(held: Posting): string {
  return isCharge(held) ? t(`people.charge.${held.charge}`) : "";
}

/** "Officiating: DCP, Charminar Zone". */
export function chargeLine(held: Posting): string {
  const post = nameOf(held.post) || unitName(held.unitId);
  return t("people.chargeOf", { charge: chargeWord(held), post });
}
