/** The words by which a conversation is found, in every script. */
import { spellings, type ConversationItem } from "@copconnect/client/core";
import { titleOf } from "../../i18n/talk.ts";

export function wordsOf(item: ConversationItem): string {
  const plates = item.direct === null ? item.some : [item.direct];
  return [
    titleOf(item),
    ...plates.flatMap((plate) => [...spellings(plate.names), plate.rank, ...spellings(plate.post)]),
  ].join(" ");
}
