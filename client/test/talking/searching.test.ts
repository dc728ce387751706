/** The search over a device's own messages, and the page around one that it finds. */
import { expect, it } from "vitest";
import type { ConversationId, MessageId } from "#core/ids.ts";
import type { FoundMessage, GalleryPage } from "#core/core.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";
// Loaded beforehand: simulated time does not wait for a module that is loaded when it is needed.
import "#core/search/calls.ts";
import "#core/search/message-index.ts";

const w = memoryWorld();

function find(officer: Officer, text: string, conversationId?: ConversationId) {
  const chat = conversationId === undefined ? {} : { conversationId };
  return officer.until(`found: ${text}`, async (): Promise<FoundMessage | undefined> => {
    return (await officer.core.search.find({ text, ...chat })).messages[0];
  });
}

it("finds a message that arrived, also after a restart and with edited words", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const { conversationId: id } = await a.core.conversations.openDirect(b.person);
  await a.text(id, "Naka at Charminar from nine");
  const found = await find(b, "చార్మినార్");
  expect(found).toMatchObject({ conversationId: id, sender: { personId: a.person }, mine: false });
  await b.restart();
  expect(await find(b, "naka", id)).toMatchObject({ messageId: found.messageId });
  await a.core.messages.edit(id, found.messageId, "Naka at Golconda from nine", []);
  await find(b, "golconda");
  expect((await b.core.search.find({ text: "charminar" })).messages).toEqual([]);
});

it("opens the page around a message, and the pages before and after", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const { conversationId: id } = await a.core.conversations.openDirect(b.person);
  for (let count = 1; count <= 24; count++) await a.text(id, `line ${String(count)}`);
  await b.receives(id, "line 24");
  const { messageId } = await find(b, "line 12", id);
  const texts = (page: { readonly messages: readonly { readonly body: unknown }[] }): unknown[] =>
    page.messages.map(({ body }) => (body as { readonly text?: string }).text);
  const around = await b.core.messages.around(id, messageId, 4);
  expect(texts(around)).toEqual([10, 11, 12, 13, 14].map((at) => `line ${String(at)}`));
  expect(around).toMatchObject({ more: true, newer: true });
  const last = around.messages.at(-1)?.messageId ?? messageId;
  const after = await b.core.messages.after(id, last, 10);
  expect(texts(after)).toEqual(Array.from({ length: 10 }, (_, at) => `line ${String(at + 15)}`));
  expect(after.newer).toBe(false);
  await expect(b.core.messages.around(id, id as never, 4)).rejects.toMatchObject({
    code: "not_found",
  });
});

it("shows a conversation's links, documents and media in pages, and no deleted ones", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const { conversationId } = await a.core.conversations.openDirect(b.person);
  for (let count = 1; count <= 5; count++)
    await a.text(conversationId, `list https://example.org/${String(count)}`);
  const file = new Blob(["%PDF-1.7"], { type: "application/pdf" });
  const pdf = { kind: "document", file, name: "list.pdf", mime: "application/pdf" } as const;
  const outgoing = { kind: "attachments", text: "", mentions: [], attachments: [pdf] } as const;
  await a.core.messages.send(conversationId, outgoing, null);
  const gallery = (kind: "link" | "document" | "media", before?: number | null) =>
    b.core.search.gallery({ conversationId, kind, limit: 2, ...(before ? { before } : {}) });
  const words = ({ messages }: GalleryPage): readonly string[] =>
    messages.map(({ preview }) => ("text" in preview ? preview.text.slice(-1) : ""));
  const documents = await b.until("the document", async () => {
    const { messages } = await gallery("document");
    return messages[0];
  });
  expect(documents.body).toMatchObject({ attachments: [{ name: "list.pdf" }] });
  const first = await gallery("link");
  expect(words(first)).toEqual(["5", "4"]);
  await a.core.messages.delete(conversationId, first.messages[0]?.messageId as MessageId, 0);
  await b.until("the deletion", async () => words(await gallery("link"))[0] === "4");
  expect(words(await gallery("link", first.next))).toEqual(["3", "2"]);
  const last = await gallery("link", (await gallery("link", first.next)).next);
  expect([words(last), last.next]).toEqual([["1"], null]);
  expect((await gallery("media")).messages).toEqual([]);
});
