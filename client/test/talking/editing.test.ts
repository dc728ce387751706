/** Edits over real cores: everybody reads the last words, also devices that read the log backwards. */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";

const LIMIT_MS = 60_000;

let world: InsiderGroup["world"];
let group: InsiderGroup;
let insider: InsiderGroup["insider"];
let a: Officer;
let b: Officer;
let id: ConversationId;
let key: InsiderGroup["key"];
let messageId: MessageId;

beforeEach(async () => {
  group = await insiderGroup(2);
  ({ world, insider, id, key } = group);
  [a, b] = group.officers as [Officer, Officer];
  messageId = await group.said(a, "Gate 2");
}, LIMIT_MS);

afterEach(() => group.close());

async function former(officer: Officer): Promise<readonly string[]> {
  return ((await officer.message(id, messageId))?.former ?? []).map(({ text }) => text);
}

it(
  "changes a message for everybody, with its history, and is news to nobody",
  async () => {
    await b.core.messages.markRead(id, messageId);
    const told = b.events.filter(({ type }) => type === "notify").length;
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    expect(await a.texts(id)).toEqual(["Gate 3"]);
    await b.receives(id, "Gate 3");
    await a.core.messages.edit(id, messageId, "Gate 4", []);
    for (const one of [a, b]) {
      await one.receives(id, "Gate 4");
      expect(await one.texts(id)).toEqual(["Gate 4"]);
      expect(await former(one)).toEqual(["Gate 2", "Gate 3"]);
      await one.until("the list says so", async () => {
        const preview = (await one.core.conversations.get(id)).last?.preview;
        return preview?.kind === "text" && preview.text === "Gate 4";
      });
    }
    expect((await b.core.conversations.get(id)).unread).toBe(0);
    expect(b.events.filter(({ type }) => type === "notify")).toHaveLength(told);
    await b.restart();
    expect(await b.texts(id)).toEqual(["Gate 4"]);
    await b.core.messages.send(id, { kind: "text", text: "Copy", mentions: [] }, messageId);
    await a.receives(id, "Copy");
    const { messages } = await a.core.messages.page(id, null, 50);
    expect(messages.at(-1)?.replyTo?.preview).toEqual({ kind: "text", text: "Gate 4" });
  },
  LIMIT_MS,
);

it(
  "is read by a device that begins later and reads backwards",
  async () => {
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    await b.receives(id, "Gate 3");
    const second = await world.device(1);
    await compareDigits(b, second);
    await second.receives(id, "Gate 3");
    expect(await second.texts(id)).toEqual(["Gate 3"]);
    expect(await former(second)).toEqual(["Gate 2"]);
  },
  LIMIT_MS,
);

it(
  "is the author's alone, of a text or a caption",
  async () => {
    const what = { mark: "edit", text: "Go home", mentions: [] };
    const content = encode({ v: 1, kind: "mark", messageId, what });
    await insider.post(id, await insider.message(id, key, content), false, true);
    await a.text(id, "after");
    await b.receives(id, "after");
    for (const one of [a, b]) expect(await one.texts(id)).toEqual(["Gate 2", "after"]);
    const edit = (by: Officer, text: string, of = messageId): Promise<void> =>
      by.core.messages.edit(id, of, text, []);
    await expect(edit(b, "Go home")).rejects.toMatchObject({ code: "not_admin" });
    await expect(edit(a, " ")).rejects.toMatchObject({ code: "message_invalid" });
    await expect(edit(a, "x".repeat(20_000))).rejects.toMatchObject({ code: "message_invalid" });
    await expect(edit(a, "x", newId())).rejects.toMatchObject({ code: "not_found" });
  },
  LIMIT_MS,
);

it(
  "says nothing of somebody who was blocked",
  async () => {
    await b.core.people.block(a.person, true);
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    await a.core.messages.react(id, messageId, "👍");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    await world.settle(a, b);
    expect(await b.texts(id)).toEqual(["Gate 2"]);
    expect((await b.message(id, messageId))?.reactions).toEqual([]);
  },
  LIMIT_MS,
);

it(
  "is in the notification on a device that was away",
  async () => {
    await b.close();
    const { messageId: second } = await a.text(id, "Two men");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    await a.core.messages.edit(id, second, "Three men", []);
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    b.events = [];
    await b.restart();
    await b.receives(id, "Three men");
    const told = await b.until("told", () => {
      const event = b.events.find(({ type }) => type === "notify");
      return Promise.resolve(event?.type === "notify" ? event.item : null);
    });
    expect(told.preview).toEqual({ kind: "text", text: "Three men" });
  },
  LIMIT_MS,
);

it(
  "is taken back where the server refuses it",
  async () => {
    const network = world.network(a);
    network.refuse = (path) => (path.endsWith("/messages") ? "may_not_send" : null);
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    await a.until("refused", async () => (await a.core.app.state()).outbox === 0);
    expect(await a.texts(id)).toEqual(["Gate 2"]);
    network.refuse = null;
    await a.core.messages.edit(id, messageId, "Gate 4", []);
    await b.receives(id, "Gate 4");
  },
  LIMIT_MS,
);
