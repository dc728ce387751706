import type { ConversationItem, MessageItem } from "@copconnect/client/core";
import type { ConversationId, MessageId } from "@copconnect/client/wire";
import { render } from "svelte/server";
import { beforeAll, expect, it } from "vitest";
import { loadLater, t } from "#i18n/index.svelte.ts";
import SelectionBar from "./SelectionBar.svelte";

const ITEM = {
  ...{ conversationId: "conversation" as ConversationId, state: "ready" },
  ...{ whoMaySend: "everyone", admin: false },
} as ConversationItem;

function message(at: number, seq: number | null): MessageItem {
  return {
    ...{ messageId: String(at) as MessageId, conversationId: ITEM.conversationId, seq },
    ...{ status: seq === null ? "sending" : "sent", mine: true, starred: true },
    body: { kind: "text", text: `line ${String(at)}`, mentions: [] },
  } as unknown as MessageItem;
}

/** The names of the acts that can be pressed. */
function acts(messages: readonly MessageItem[], writable = true): readonly string[] {
  const nothing = (): void => undefined;
  const [onforward, ondelete, onclose] = [nothing, nothing, nothing];
  const props = { item: ITEM, messages, writable, onforward, ondelete, onclose };
  const { body } = render(SelectionBar, { props });
  return [...body.matchAll(/<button[^>]*>/gu)]
    .map(([tag]) => tag)
    .filter((tag) => !/ disabled/u.test(tag))
    .map((tag) => /aria-label="([^"]*)"/u.exec(tag)?.[1] ?? "");
}

beforeAll(() => loadLater("rest"));

it("acts on several chosen messages at once", () => {
  const all = [
    ...[t("app.cancel"), t("conversation.own.act.unstar"), t("conversation.copy")],
    ...[t("conversation.own.act.deleteForMe"), t("conversation.forward.act")],
  ];
  expect(acts([message(1, 7), message(2, 8)])).toEqual(all);
  expect(acts([])).toEqual([t("app.cancel")]);
});

it("stars none of them while the server lacks one", () => {
  expect(acts([message(1, 7), message(2, null)])).not.toContain(t("conversation.own.act.unstar"));
});

it("asks whether for everybody where that is possible for one of them", () => {
  const own = { ...message(1, 7), deletableUntilMs: Infinity };
  expect(acts([own, message(2, 8)])).toContain(t("conversation.discard"));
  expect(acts([own], false)).toContain(t("conversation.own.act.deleteForMe"));
});
