/** Previews of links over real cores: made by the sender's department, read by everybody, fetched by nobody. */
import { beforeAll, expect, it } from "vitest";
import type { LinkedPage, MessageItem } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
const URL_TEXT = "https://courts.gov.in/bail";
const PAGE = { title: "Bail rules", description: "As amended", picture: new Uint8Array([1, 2, 3]) };

let a: Officer;
let b: Officer;
let id: ConversationId;

beforeAll(async () => {
  [a, b] = [await w.join(), await w.join()];
  ({ conversationId: id } = await a.core.conversations.openDirect(b.person));
});

async function send(text: string, page: LinkedPage = PAGE): Promise<MessageId> {
  const words = { kind: "text", text, mentions: [], page } as const;
  const { messageId } = await a.core.messages.send(id, words, null);
  await b.accepted(id, messageId);
  return messageId;
}

async function read(officer: Officer, messageId: MessageId): Promise<MessageItem> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  const found = messages.find((one) => one.messageId === messageId);
  if (found === undefined) throw new Error("no such message");
  return found;
}

it("asks the department's server for the page, which may refuse", async () => {
  await expect(a.core.messages.linkPreview(URL_TEXT)).rejects.toMatchObject({
    code: "link_previews_off",
  });
  w.server.pages.set(URL_TEXT, PAGE);
  expect(await a.core.messages.linkPreview(URL_TEXT)).toEqual(PAGE);
  await expect(a.core.messages.linkPreview("https://other.in/")).rejects.toMatchObject({
    code: "link_without_preview",
  });
});

it("carries the preview of a link to everybody", async () => {
  const messageId = await send(`See ${URL_TEXT} today`);
  for (const one of [a, b]) expect((await read(one, messageId)).body).toMatchObject({ page: PAGE });
});

it("keeps it through an edit while the link stays, and drops it with the link", async () => {
  const messageId = await send(`See ${URL_TEXT}`);
  const edited = async (text: string): Promise<MessageItem["body"]> => {
    await a.core.messages.edit(id, messageId, text, []);
    await b.until("edited", async () => {
      const { body } = await read(b, messageId);
      return body.kind === "text" && body.text === text;
    });
    return (await read(b, messageId)).body;
  };
  expect(await edited(`Please see ${URL_TEXT}`)).toMatchObject({ page: PAGE });
  expect(await edited("Please see https://elsewhere.in")).not.toHaveProperty("page");
});

it("is shown to moderators and to readers of an export as its sender signed it", async () => {
  const messageId = await send(`Look ${URL_TEXT}`);
  await w.current.settle();
  const whole = { fromMs: null, toMs: null, messageIds: [messageId], files: false, title: "x" };
  const { file } = await b.core.exports.make(id, whole);
  const { messages } = await b.core.exports.verify(file);
  expect(messages.find((one) => one.messageId === messageId)?.page).toEqual(PAGE);
});
