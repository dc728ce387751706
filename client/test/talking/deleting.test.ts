/** Deletions over real cores: no honest device keeps what was deleted, and nobody else may delete. */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MessageItem } from "#core/core.ts";
import { idOf, newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { SIGNED_HEADER_BYTES } from "#core/keys/message.ts";
import { encodeContent } from "#core/kinds/content.ts";
import { randomBytes } from "#core/octets.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { readRecords } from "../support/vaults.ts";

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

function shown(officer: Officer, of = messageId): Promise<MessageItem | undefined> {
  return officer.message(id, of);
}

function sees(
  officer: Officer,
  kind: MessageItem["body"]["kind"],
  of = messageId,
): Promise<MessageItem> {
  return officer.sees(id, of, kind);
}

/** The insider posts a mark that says that a message is gone. */
async function forge(of: MessageId): Promise<Uint8Array> {
  const content = encode({ v: 1, kind: "mark", messageId: of, what: { mark: "deletion" } });
  const message = await insider.message(id, key, content);
  await insider.post(id, message, false, true);
  return message;
}

/** The insider, who made the group, becomes an ordinary member. */
async function step(): Promise<void> {
  await insider.api.changeMembers(id, {
    ...{ changeId: newId(), add: [], remove: [], makeAdmin: [a.person], asked: false },
    revokeAdmin: [insider.personId],
  });
  await a.until("admin", async () => (await a.core.conversations.get(id)).admin);
}

/** The server drops a body without a reason. */
function withhold(of: MessageId): void {
  const stored = world.server.conversation(id).log.find((one) => one.messageId === of);
  if (stored === undefined) throw new Error("not in the log");
  const message = stored.entry.message.slice(0, SIGNED_HEADER_BYTES);
  stored.entry = { ...stored.entry, message };
}

it(
  "takes words, former words, files and marks from every device and from the server",
  async () => {
    const file = new File([new Uint8Array(4_000).fill(7)], "plan.pdf");
    const sent = await a.core.messages.send(
      id,
      {
        ...{ kind: "attachments", text: "Plan", mentions: [] },
        attachments: [{ kind: "document", file, name: file.name, mime: "application/pdf" }],
      },
      null,
    );
    const of = sent.messageId;
    const item = await b.until("the file", async () => (await shown(b, of)) ?? null);
    if (item.body.kind !== "attachments") throw new Error("no file");
    const attachmentId = item.body.attachments[0]?.attachmentId ?? newId();
    await b.core.attachments.get(attachmentId, null);
    await a.until("sent", async () => (await shown(a, of))?.seq != null);
    await a.core.messages.edit(id, of, "Better plan", []);
    await b.core.messages.react(id, of, "👍");
    await a.until("all", async () => {
      const found = await shown(a, of);
      return found?.former !== undefined && found.reactions?.length === 1;
    });
    await b.core.messages.markRead(id, of);
    const told = b.events.filter(({ type }) => type === "notify").length;
    await a.core.conversations.saveDraft(id, "The best plan", `edit/${of}`);
    await a.core.conversations.saveDraft(id, "Who comes?", "poll");
    expect((await a.core.conversations.get(id)).formDrafts).toEqual({
      ...{ [`edit/${of}`]: "The best plan", poll: "Who comes?" },
    });

    await a.core.messages.delete(id, of, 0);
    for (const one of [a, b]) {
      const deleted = await sees(one, "deleted", of);
      expect(deleted).toMatchObject({ body: { by: null }, preview: { kind: "deleted" } });
      expect([deleted.former, deleted.reactions]).toEqual([undefined, undefined]);
      await one.until("the list says so", async () => {
        const { last } = await one.core.conversations.get(id);
        return last?.preview.kind === "deleted";
      });
      await expect(one.core.attachments.get(attachmentId, null)).rejects.toMatchObject({
        code: "not_found",
      });
    }
    // Its author's other words for it go, too.
    const { formDrafts } = await a.core.conversations.get(id);
    expect(formDrafts).toEqual({ poll: "Who comes?" });
    expect(b.events.filter(({ type }) => type === "notify")).toHaveLength(told);
    expect((await b.core.conversations.get(id)).unread).toBe(0);
    const [stored] = world.server.conversation(id).log.filter((one) => one.messageId === of);
    expect(stored?.entry.message).toHaveLength(SIGNED_HEADER_BYTES);
    await b.close();
    const rows = await readRecords<{ messageId: MessageId }>(b.vaultName, "messages");
    expect(rows.find((one) => one.messageId === of)).toMatchObject({ content: null });
    expect(await readRecords(b.vaultName, "attachments")).toEqual([]);
    await b.restart();
    await sees(b, "deleted", of);
  },
  LIMIT_MS,
);

it(
  "shows a device that begins later the header alone, and the chain goes on",
  async () => {
    await a.core.messages.delete(id, messageId, 0);
    await sees(b, "deleted");
    const second = await world.device(1);
    await compareDigits(b, second);
    const item = await sees(second, "deleted");
    expect(item.sender?.personId).toBe(a.person);
    await a.text(id, "Gate 3");
    await second.receives(id, "Gate 3");
    const { messages } = await second.core.messages.page(id, null, 50);
    const notices = messages.flatMap(({ body }) => (body.kind === "notice" ? [body.notice] : []));
    expect(notices.filter(({ kind }) => kind === "gap" || kind === "log_differs")).toEqual([]);
  },
  LIMIT_MS,
);

it(
  "quotes that point to it show that it is gone, and copies stay",
  async () => {
    const { messageId: copy } = await b.text(id, "Gate 2 too");
    await b.core.messages.send(id, { kind: "text", text: "Copy", mentions: [] }, messageId);
    await a.receives(id, "Copy");
    await a.core.messages.delete(id, messageId, 0);
    await sees(b, "deleted");
    for (const one of [a, b]) {
      const { messages } = await one.core.messages.page(id, null, 50);
      expect(messages.at(-1)?.replyTo?.preview).toEqual({ kind: "deleted" });
      expect((await shown(one, copy))?.body.kind).toBe("text");
    }
  },
  LIMIT_MS,
);

it(
  "without a mark that counts a missing body is shown as withheld, and a mark explains it later",
  async () => {
    const second = await group.said(a, "Two men");
    withhold(messageId);
    withhold(second);
    const phone = await world.device(1);
    await compareDigits(b, phone);
    for (const of of [messageId, second]) {
      const item = await sees(phone, "withheld", of);
      expect(item.preview).toEqual({ kind: "withheld" });
      expect(item.sender?.personId).toBe(a.person);
    }
    await a.core.messages.delete(id, second, 0);
    await sees(phone, "deleted", second);
    await sees(phone, "withheld");
    expect((await shown(b))?.body.kind).toBe("text");
  },
  LIMIT_MS,
);

it(
  "by somebody who is no admin counts for nobody, whatever the server drops",
  async () => {
    await step();
    world.server.log.takesAnything = true;
    const mark = await forge(messageId);
    await forge(newId());
    // Replayed, and of a message that comes after it.
    await insider.post(id, mark, false, true);
    world.server.log.takesAnything = false;
    await group.said(a, "after");
    for (const one of [a, b]) expect(await one.texts(id)).toEqual(["Gate 2", "after"]);
    const phone = await world.device(1);
    await compareDigits(b, phone);
    await sees(phone, "withheld");
    const remove = (by: Officer, of = messageId): Promise<void> =>
      by.core.messages.delete(id, of, 0);
    await expect(remove(b)).rejects.toMatchObject({ code: "not_admin" });
    await expect(remove(a, newId())).rejects.toMatchObject({ code: "not_found" });
  },
  LIMIT_MS,
);

it(
  "is refused by the server where neither author nor admin asks",
  async () => {
    await step();
    await expect(forge(messageId)).rejects.toMatchObject({ code: "not_admin" });
    await group.said(a, "after");
    for (const one of [a, b]) expect(await one.texts(id)).toEqual(["Gate 2", "after"]);
  },
  LIMIT_MS,
);

it(
  "by an admin says who removed it, also from people whom the reader has blocked",
  async () => {
    await b.core.people.block(insider.personId, true);
    await forge(messageId);
    for (const one of [a, b]) {
      const { body } = await sees(one, "deleted");
      expect(body.kind === "deleted" && body.by?.personId).toBe(insider.personId);
    }
  },
  LIMIT_MS,
);

it(
  "outweighs edits and reactions that come after it",
  async () => {
    await forge(messageId);
    const edit = { mark: "reaction", emoji: "👍" };
    const content = encode({ v: 1, kind: "mark", messageId, what: edit });
    await insider.post(id, await insider.message(id, key, content), false, true);
    await group.said(a, "after");
    for (const one of [a, b]) expect(await sees(one, "deleted")).not.toHaveProperty("reactions");
    await expect(a.core.messages.edit(id, messageId, "x", [])).rejects.toMatchObject({
      code: "message_invalid",
    });
    await expect(b.core.messages.react(id, messageId, "👍")).rejects.toMatchObject({
      code: "message_invalid",
    });
  },
  LIMIT_MS,
);

it(
  "waits for a network, shows at once, and can be taken back until it goes",
  async () => {
    const network = world.network(a);
    network.cut = true;
    await a.core.messages.delete(id, messageId, 0);
    await sees(a, "deleted");
    expect((await shown(b))?.body.kind).toBe("text");
    await a.core.messages.keep(id, messageId);
    await sees(a, "text");
    await a.core.messages.delete(id, messageId, 0);
    network.cut = false;
    for (const one of [a, b]) await sees(one, "deleted");
    // Too late.
    await a.core.messages.keep(id, messageId);
    await sees(a, "deleted");
    const second = await group.said(a, "Two men");
    await a.core.messages.delete(id, second, 60_000);
    await sees(a, "deleted", second);
    await a.core.messages.keep(id, second);
    await group.said(a, "after");
    expect(await b.texts(id)).toEqual(["Two men", "after"]);
  },
  LIMIT_MS,
);

it(
  "raises no notification on a device that was away for message and deletion",
  async () => {
    await b.close();
    const { messageId: second } = await a.text(id, "Two men");
    await a.until("sent", async () => (await shown(a, second))?.seq != null);
    await a.core.messages.delete(id, second, 0);
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    b.events = [];
    await b.restart();
    await sees(b, "deleted", second);
    await group.said(a, "Three men");
    const told = b.events.flatMap((event) => (event.type === "notify" ? [event.item.body] : []));
    expect(told.map(({ kind }) => kind)).toEqual(["text"]);
  },
  LIMIT_MS,
);

it(
  "stays when the author and the server bring the message again with other words",
  async () => {
    const text = (words: string): Uint8Array =>
      encodeContent({ kind: "text", text: words, mentions: [], replyTo: null, forwards: 0 });
    const message = randomBytes(16);
    const first = idOf<MessageId>(message);
    await insider.post(id, await insider.message(id, key, text("Old words"), { message }));
    for (const one of [a, b]) await one.receives(id, "Old words");
    await forge(first);
    for (const one of [a, b]) await sees(one, "deleted", first);
    world.server.log.takesAnything = true;
    await insider.post(id, await insider.message(id, key, text("New words"), { message }));
    world.server.log.takesAnything = false;
    await group.said(a, "after");
    for (const one of [a, b]) {
      expect(await one.texts(id)).not.toContain("New words");
      await sees(one, "deleted", first);
    }
  },
  LIMIT_MS,
);

it(
  "keeps a file as long as one message shows it, forwarded or on its way",
  async () => {
    const groups: ConversationId[] = [];
    for (const title of ["Second", "Third"]) {
      const made = await a.core.conversations.createGroup({
        ...{ title, photo: null, whoMaySend: "everyone", history: "none" },
        personIds: [b.person],
      });
      await b.ready(made.conversationId);
      groups.push(made.conversationId);
    }
    const [second, third] = groups as [ConversationId, ConversationId];
    const shows = (officer: Officer, where: ConversationId): Promise<MessageItem> =>
      officer.until("the file", async () => {
        const { messages } = await officer.core.messages.page(where, null, 50);
        return messages.find(({ body, seq }) => body.kind === "attachments" && seq !== null);
      });
    const file = new File([new Uint8Array(4_000).fill(7)], "plan.pdf");
    await a.core.messages.send(
      id,
      {
        ...{ kind: "attachments", text: "Plan", mentions: [] },
        attachments: [{ kind: "document", file, name: file.name, mime: "application/pdf" }],
      },
      null,
    );
    const first = await shows(a, id);
    const { body } = await shows(b, id);
    if (body.kind !== "attachments") throw new Error("no file");
    const attachmentId = body.attachments[0]?.attachmentId ?? newId();
    await b.core.attachments.get(attachmentId, null);
    const kept = async (where: ConversationId, ...here: readonly Officer[]): Promise<void> => {
      for (const one of here)
        expect((await shows(one, where)).body).toMatchObject({ attachments: [{ local: true }] });
      for (const one of [a, b])
        expect((await one.core.attachments.get(attachmentId, null)).size).toBe(4_000);
    };
    await a.core.forwarding.forward(first, [second], "");
    await shows(b, second);
    await a.core.messages.delete(id, first.messageId, 0);
    for (const one of [a, b]) await sees(one, "deleted", first.messageId);
    await kept(second, a, b);

    const network = world.network(a);
    network.cut = true;
    const copy = await shows(a, second);
    await a.core.forwarding.forward(copy, [third], "");
    await a.core.messages.delete(second, copy.messageId, 0);
    network.cut = false;
    await shows(b, third);
    await kept(third, a);

    const last = await shows(a, third);
    await a.core.messages.delete(third, last.messageId, 0);
    for (const one of [a, b])
      await one.until("gone", () =>
        one.core.attachments.get(attachmentId, null).then(
          () => false,
          () => true,
        ),
      );
    await b.close();
    for (const store of ["attachments", "shown_files"])
      expect(await readRecords(b.vaultName, store)).toEqual([]);
  },
  LIMIT_MS,
);

it(
  "goes before its time when it is asked for again",
  async () => {
    await a.core.messages.delete(id, messageId, 3_600_000);
    await sees(a, "deleted");
    await a.core.messages.delete(id, messageId, 0);
    await sees(b, "deleted");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    const deletions = world.server.conversation(id).log.filter(({ kind }) => kind === 3);
    expect(deletions).toHaveLength(1);
  },
  LIMIT_MS,
);
