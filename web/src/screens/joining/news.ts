/** Says, while the app is open, that somebody asks to join a group or that an admin refused. */
import { core } from "#app/core.ts";
import { navigate, path } from "#app/router.svelte.ts";
import { conversations } from "#app/state/conversations.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";
import { nameOf } from "#i18n/format.ts";
import { loadLater, t } from "#i18n/index.svelte.ts";
import { titleOf } from "#i18n/talk.ts";
import { oncePerSecond } from "./joining.svelte.ts";

/** Requests and refusals that a toast has told. No clock says what is news: those of server and phone differ. */
const told = new Set<string>();

/** Read requests and refusals, at most once a second, and tell each of them once. */
export const tellJoining = oncePerSecond(() => {
  // The next event, or the next connection, reads again.
  tell().catch(() => undefined);
});

async function tell(): Promise<void> {
  const [{ groups, requests }] = await Promise.all([core().joining.current(), loadLater("rest")]);
  const label = t("groups.joining.look");
  const asking = requests.filter(({ conversationId, person, askedMs }) => {
    const isHere = conversations.get(conversationId) !== undefined;
    return isHere && isNews(conversationId, person.personId, askedMs);
  });
  const [one] = asking;
  const item = one === undefined ? undefined : conversations.get(one.conversationId);
  if (one !== undefined && item !== undefined) {
    const run = (): void => navigate(path("chats", one.conversationId, "info"));
    const said = { name: nameOf(one.person.names), group: titleOf(item) };
    const single = asking.length === 1;
    const text = single ? t("groups.joining.asks", said) : requestsText(asking.length);
    toast(text, { action: { label, run } });
  }
  for (const { conversationId, title, againMs } of groups) {
    if (againMs === null || !isNews(conversationId, "refused", againMs)) continue;
    const run = (): void => navigate(path("people", "groups"));
    toast(t("groups.joining.refusedBy", { group: title }), { action: { label, run } });
  }
}

function requestsText(count: number): string {
  return t("groups.joining.requests", { count });
}

function isNews(...what: readonly (string | number)[]): boolean {
  const key = what.join(" ");
  if (told.has(key)) return false;
  told.add(key);
  return true;
}
