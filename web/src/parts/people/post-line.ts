/** The holders of a post, in the words of the reader. */
import type { Post } from "@copconnect/client/wire";
import { formatList, formatNumber, nameOf } from "#i18n/format.ts";
import { t } from "#i18n/index.svelte.ts";

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
