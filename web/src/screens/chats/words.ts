/** The words by which a conversation is found, in every script. */
import { rankSpellings, spellings, type ConversationItem } from "@copconnect/client/core";
import { titleOf } from "#i18n/talk.ts";

export function wordsOf(item: ConversationItem): string {
  const plates = item.direct === null ? item.some : [item.direct];
  return [
    titleOf(item),
    ...plates.flatMap((plate) => [
      ...spellings(plate.names),
      ...rankSpellings(plate.rank),
      ...spellings(plate.post),
    ]),
  ].join(" ");
}
