/** Notices above the first message of a group, for its maker and for people who were added. */
import type { ConversationId } from "#core/ids.ts";
import { expect, it } from "vitest";
import type { Officer } from "./support/officer.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld();

async function noticesOf(by: Officer, id: ConversationId): Promise<readonly string[]> {
  await w.current.settle(by);
  const { messages } = await by.core.messages.page(id, null, 50);
  return messages.flatMap(({ body }) => (body.kind === "notice" ? [body.notice.kind] : []));
}

it("tells those who were put in, and from when they read if not from the start", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const { conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds: [b.person], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  });
  await b.ready(id);
  expect(await noticesOf(a, id)).toEqual([]);
  expect(await noticesOf(b, id)).toEqual(["you_added"]);
  const { last, historyFromMs } = await b.core.conversations.get(id);
  expect(last?.preview).toEqual({ kind: "notice", notice: { kind: "you_added" } });
  expect(historyFromMs).toBeNull();
  expect((await a.core.conversations.encryption(id)).historyFromMs).toBeNull();

  await new Promise((resolve) => setTimeout(resolve, 5));
  await a.core.members.change(id, { add: [c.person] });
  await c.ready(id);
  expect(await noticesOf(c, id)).toEqual(["history", "you_added"]);
  expect((await c.core.conversations.get(id)).historyFromMs).not.toBeNull();
});
