/** Says, while the app is open, that somebody asks to join a group or that an admin refused. */
import { core } from "#app/core.ts";
import { navigate, path } from "#app/router.svelte.ts";
import { conversations } from "#app/state/conversations.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";
import { nameOf } from "#i18n/format.ts";
import { loadLater, t } from "#i18n/index.svelte.ts";
import { titleOf } from "#i18n/talk.ts";

const DAY_MS = 86_400_000;
/** The server announces it at once: older requests and answers were announced before. */
const NEWS_MS = 30_000;

export async function tellJoining(): Promise<void> {
  const [{ groups, requests }] = await Promise.all([core().joining.current(), loadLater("rest")]);
  const recent = (ms: number): boolean => Math.abs(Date.now() - ms) < NEWS_MS;
  const label = t("groups.joining.look");
  for (const { conversationId, person, askedMs } of requests) {
    const item = conversations.get(conversationId);
    if (item === undefined || !recent(askedMs)) continue;
    const run = (): void => navigate(path("chats", conversationId, "info"));
    const said = { name: nameOf(person.names), group: titleOf(item) };
    toast(t("groups.joining.asks", said), { action: { label, run } });
  }
  for (const { title, againMs } of groups) {
    if (againMs === null || !recent(againMs - DAY_MS)) continue;
    const run = (): void => navigate(path("people", "groups"));
    toast(t("groups.joining.refusedBy", { group: title }), { action: { label, run } });
  }
}
