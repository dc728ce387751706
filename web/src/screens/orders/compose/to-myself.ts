/** An order sent to oneself first: a group of this person alone, where it looks as it will to others. */
import type { ConversationId } from "@copconnect/client/wire";
import { adoptConversation, conversations } from "#app/state/conversations.svelte.ts";
import { core } from "#app/core.ts";
import { t } from "#i18n/index.svelte.ts";
import type { OutgoingOrder } from "@copconnect/client/core";

/** The group's name is written in the language of the day: it is found by its only member. */
function ownGroup(): ConversationId | null {
  const own = conversations.sorted.find(
    (one) => one.kind === "group" && one.members === 1 && one.admin && one.standing === null,
  );
  return own?.conversationId ?? null;
}

export async function sendToMyself(order: OutgoingOrder): Promise<ConversationId> {
  let conversationId = ownGroup();
  if (conversationId === null) {
    const item = await core().conversations.createGroup({
      title: t("orders.compose.ownGroup"),
      personIds: [],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    adoptConversation(item);
    conversationId = item.conversationId;
  }
  await core().messages.send(conversationId, order, null);
  return conversationId;
}
