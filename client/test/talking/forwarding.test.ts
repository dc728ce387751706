/** A message that is forwarded along: its count, its limits, its files, and a network that is gone. */
import { expect, it } from "vitest";
import { newId, type AttachmentId, type ConversationId, type MessageId } from "#core/ids.ts";
import type { MessageItem } from "#core/core.ts";
import { randomBytes } from "#core/octets.ts";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();
function lineOf(officer: Officer) {
  return w.current.network(officer);
}

async function sentBody(
  officer: Officer,
  id: ConversationId,
  fits: (message: MessageItem) => boolean,
): Promise<MessageItem> {
  return officer.until("the message", async () => {
    const { messages } = await officer.core.messages.page(id, null, 50);
    return messages.find((one) => one.seq !== null && fits(one));
  });
}

const saying =
  (text: string) =>
  ({ body }: MessageItem): boolean =>
    body.kind === "text" && body.text === text;

async function direct(a: Officer, b: Officer): Promise<ConversationId> {
  const { conversationId } = await a.core.conversations.openDirect(b.person);
  await Promise.all([a.ready(conversationId), b.ready(conversationId)]);
  return conversationId;
}

async function group(
  founder: Officer,
  title: string,
  others: readonly Officer[],
  whoMaySend: "everyone" | "admins",
): Promise<ConversationId> {
  const { conversationId } = await founder.core.conversations.createGroup({
    title,
    personIds: others.map((one) => one.person),
    photo: null,
    whoMaySend,
    history: "none",
  });
  await Promise.all([founder, ...others].map((one) => one.ready(conversationId)));
  return conversationId;
}

it("counts once more from hand to hand, names no author, and is labelled and limited in the end", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const first = await direct(a, b);
  const second = await group(a, "Second", [b], "everyone");
  const closed = await group(a, "Announcements", [b], "admins");
  const text = "Road closed at the river";
  await a.text(first, text);
  let at = await sentBody(b, first, saying(text));
  expect(at.forwarded).toBeUndefined();
  expect(await b.core.forwarding.choice(first, at.messageId)).toEqual({
    most: 5,
    often: false,
    closed: [{ conversationId: closed, why: "announcement" }],
  });
  const announced = b.core.forwarding.forward(at, [second, closed], "");
  await expect(announced).rejects.toMatchObject({ code: "forward_closed" });

  const known = new Set<MessageId>();
  await b.core.conversations.saveDraft(second, "Half a sentence");
  // There and back, five times in all.
  for (let count = 1; count <= 5; count++) {
    const [sender, reader] = count % 2 === 1 ? [b, a] : [a, b];
    const to = count % 2 === 1 ? second : first;
    const forwardId = newId<MessageId>();
    await sender.core.forwarding.forward(
      at,
      [to],
      count === 1 ? " Please avoid it " : "",
      forwardId,
    );
    // The host may call again.
    await sender.core.forwarding.forward(
      at,
      [to],
      count === 1 ? " Please avoid it " : "",
      forwardId,
    );
    const wanted = count < 5 ? "some" : "often";
    known.add(at.messageId);
    at = await sentBody(reader, to, (one) => saying(text)(one) && !known.has(one.messageId));
    expect(at).toMatchObject({ forwarded: wanted, replyTo: null });
    expect(at.sender?.personId).toBe(sender.person);
  }
  const { messages } = await a.core.messages.page(second, null, 50);
  expect((await b.core.conversations.get(second)).draft).toBe("Half a sentence");
  expect(messages.filter(saying("Please avoid it"))).toHaveLength(1);
  const choice = await a.core.forwarding.choice(at.conversationId, at.messageId);
  expect(choice).toMatchObject({ most: 1, often: true });
  const both = a.core.forwarding.forward(at, [first, second], "");
  await expect(both).rejects.toMatchObject({ code: "forward_limit", details: { limit: 1 } });
});

it("shares its files by name, offline at first, and they open at the end of the chain", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const [ab, bc] = [await group(a, "Of two", [b], "everyone"), await direct(b, c)];
  const bytes = randomBytes(70_000);
  const file = new Blob([bytes], { type: "application/pdf" });
  const named = { kind: "document", file, name: "map.pdf", mime: "application/pdf" } as const;
  await a.core.messages.send(
    ab,
    { kind: "attachments", text: "", mentions: [], attachments: [named] },
    null,
  );
  const holds = ({ body }: MessageItem): boolean => body.kind === "attachments";
  const came = await sentBody(b, ab, holds);

  const line = lineOf(b);
  line.cut = true;
  await b.core.forwarding.forward(came, [bc], "");
  const waiting = (await b.core.messages.page(bc, null, 10)).messages.at(-1);
  expect(waiting).toMatchObject({ status: "queued", forwarded: "some" });
  // Taken back, it takes the file of the first message with it no more than the message itself.
  if (waiting !== undefined) await b.core.messages.cancel(waiting.messageId);
  await b.core.forwarding.forward(came, [bc], "");
  line.cut = false;
  line.seen.length = 0;
  await b.core.app.networkChanged(true);
  const end = await sentBody(c, bc, holds);
  expect(line.seen.filter((one) => one.includes("/chunks/"))).toEqual([]);
  if (end.body.kind !== "attachments" || end.body.attachments[0] === undefined)
    throw new Error("no file");
  const { attachmentId } = end.body.attachments[0];
  expect(Buffer.compare(await read(c, attachmentId), bytes)).toBe(0);
  expect(Buffer.compare(await read(b, attachmentId), bytes)).toBe(0);

  // The conversation that brought it is taken off the phone: the forward still opens.
  await b.core.conversations.leave(ab);
  await b.core.conversations.forget(ab);
  await b.core.messages.page(bc, null, 10);
  expect(Buffer.compare(await read(b, attachmentId), bytes)).toBe(0);
});

it("goes up again where the server has forgotten a file, and says so where nobody has it", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const [ab, bc] = [await direct(a, b), await direct(b, c)];
  const bytes = randomBytes(5_000);
  const file = new Blob([bytes], { type: "text/plain" });
  const named = { kind: "document", file, name: "list.txt", mime: "text/plain" } as const;
  await a.core.messages.send(
    ab,
    { kind: "attachments", text: "", mentions: [], attachments: [named] },
    null,
  );
  const holds = ({ body }: MessageItem): boolean => body.kind === "attachments";
  const came = await sentBody(b, ab, holds);
  if (came.body.kind !== "attachments" || came.body.attachments[0] === undefined)
    throw new Error("no file");
  const { attachmentId } = came.body.attachments[0];
  w.server.attachments.remove(attachmentId);

  await b.core.forwarding.forward(came, [bc], "");
  const failed = await b.until("it failed", async () => {
    return (await b.core.messages.page(bc, null, 10)).messages.find(
      (one) => one.status === "failed",
    );
  });
  expect(failed.failure?.code).toBe("attachment_gone");
  await b.core.messages.cancel(failed.messageId);

  // Its sender has it still.
  const ac = await direct(a, c);
  const mine = await sentBody(a, ab, holds);
  await a.core.forwarding.forward(mine, [ac], "");
  await sentBody(c, ac, holds);
  expect(Buffer.compare(await read(c, attachmentId), bytes)).toBe(0);
});

async function read(officer: Officer, attachmentId: AttachmentId): Promise<Uint8Array> {
  return new Uint8Array(
    await (await officer.core.attachments.get(attachmentId, null)).arrayBuffer(),
  );
}

it("forwards no poll, and nothing that the server does not have yet", async () => {
  const [a, b] = [await w.join(), await w.join()];
  const id = await direct(a, b);
  const other = await group(a, "Others", [b], "everyone");
  const options = ["Mon", "Tue"];
  const poll = {
    kind: "poll",
    question: "When?",
    options,
    multiple: false,
    anonymous: false,
  } as const;
  await a.core.messages.send(id, { ...poll, endsMs: null }, null);
  const asked = await sentBody(b, id, ({ body }) => body.kind === "poll");
  await expect(b.core.forwarding.forward(asked, [other], "")).rejects.toMatchObject({
    code: "forward_closed",
  });
  lineOf(a).cut = true;
  const queued = await a.text(id, "not yet");
  await expect(a.core.forwarding.forward(queued, [other], "")).rejects.toMatchObject({
    code: "forward_closed",
  });
  lineOf(a).cut = false;
});
