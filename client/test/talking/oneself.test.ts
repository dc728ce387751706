/** Personal items over real cores: two devices of one person, and nobody else. */
import { encode } from "@msgpack/msgpack";
import { expect, it } from "vitest";
import { blankOrder, type ConversationItem } from "#core/core.ts";
import { newId, type AttachmentId, type ConversationId, type MessageId } from "#core/ids.ts";
import { itemKey, type OwnRow } from "#core/oneself/items.ts";
import { Vault } from "#core/vault/vault.ts";
import { insiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { readRecords } from "../support/vaults.ts";
import { memoryWorld } from "../support/world.ts";

const LIMIT_MS = 60_000;
const UNDO_MS = 8_000;

const w = memoryWorld();

interface Scene {
  readonly a: Officer;
  /** Two devices of one person. */
  readonly b: Officer;
  readonly second: Officer;
  readonly index: number;
  readonly id: ConversationId;
}

/** A direct conversation in which a writes to somebody with two devices. */
async function scene(): Promise<Scene> {
  const a = await w.join();
  const b = await w.join();
  const { index } = w;
  const second = await w.device(index);
  await compareDigits(b, second);
  const { conversationId: id } = await a.core.conversations.openDirect(b.person);
  for (const one of [a, b, second]) await one.ready(id);
  return { a, b, second, index, id };
}

async function write({ a, b, second, id }: Scene, text: string): Promise<MessageId> {
  const { messageId } = await a.text(id, text);
  for (const one of [b, second]) await one.receives(id, text);
  return messageId;
}

function shows(officer: Officer, id: ConversationId, wanted: Partial<ConversationItem>) {
  return officer.until(JSON.stringify(wanted), async () => {
    const item = await officer.core.conversations.get(id);
    return Object.entries(wanted).every(
      ([name, value]) =>
        JSON.stringify(item[name as keyof ConversationItem]) === JSON.stringify(value),
    );
  });
}

async function stars(officer: Officer): Promise<readonly MessageId[]> {
  const { messages } = await officer.core.oneself.starred(0, 50);
  return messages.map(({ messageId }) => messageId);
}

it(
  "is the same on both devices, and on a third one that comes later; nobody else sees a chat of it",
  async () => {
    const the = await scene();
    const { a, b, second, index, id } = the;
    const gate = await write(the, "Gate 2");
    await b.core.oneself.star(id, [gate], true);
    await b.core.oneself.pin(id, true);
    await second.core.oneself.archive(id, true);
    await second.core.oneself.markUnread(id, true);
    const folderId = await b.core.oneself.nameFolder(" Court cases ");
    await second.until(
      "the folder",
      async () => (await second.core.oneself.folders()).length === 1,
    );
    await second.core.oneself.file(id, folderId, true);
    await b.core.people.block(a.person, true);
    const folders = [{ folderId, name: "Court cases" }];
    const wanted = { pinned: true, archived: true, markedUnread: true, folders };
    const third = await w.device(index);
    await compareDigits(b, third);
    for (const one of [b, second, third]) {
      await shows(one, id, wanted);
      await one.until("starred", async () => (await stars(one))[0] === gate);
      expect(await one.core.oneself.folders()).toEqual(folders);
      await one.until("blocked", async () => (await one.core.people.blocked()).length === 1);
      expect((await one.core.conversations.list()).map((item) => item.conversationId)).toEqual([
        id,
      ]);
      expect((await one.core.app.state()).outbox).toBe(0);
    }
    expect(await a.core.conversations.get(id)).toMatchObject({ pinned: false, archived: false });
    expect(await stars(a)).toEqual([]);
    await second.core.oneself.removeFolder(folderId);
    await second.core.messages.markRead(id, gate);
    await second.core.oneself.star(id, [gate], false);
    for (const one of [b, third]) {
      await shows(one, id, { ...wanted, markedUnread: false, folders: [] });
      await one.until("no star", async () => (await stars(one)).length === 0);
    }
  },
  LIMIT_MS,
);

it(
  "agrees after both devices changed it without a network, whoever comes back first",
  async () => {
    const the = await scene();
    const { b, second, id } = the;
    const [gate, radio] = [await write(the, "Gate"), await write(the, "Radio")];
    const folderId = await b.core.oneself.nameFolder("Beat");
    await second.until(
      "the folder",
      async () => (await second.core.oneself.folders()).length === 1,
    );
    const networks = [b, second].map((one) => w.current.network(one));
    for (const one of networks) one.cut = true;
    await b.core.oneself.nameFolder("Court", folderId);
    await second.core.oneself.nameFolder("Duty", folderId);
    await b.core.oneself.star(id, [gate], true);
    await second.core.oneself.star(id, [radio], true);
    await b.core.oneself.pin(id, true);
    await second.restart();
    expect(await stars(second)).toEqual([radio]);
    for (const one of networks.toReversed()) one.cut = false;
    const names = async (one: Officer) =>
      (await one.core.oneself.folders()).map(({ name }) => name);
    for (const one of [b, second]) {
      await one.until("both stars", async () => (await stars(one)).length === 2);
      await shows(one, id, { pinned: true });
      await one.until("one name", async () => (await names(one))[0] === "Duty");
    }
  },
  LIMIT_MS,
);

it(
  "takes a deleted message with file and search words off one's own devices alone, after the undo",
  async () => {
    const the = await scene();
    const { a, b, second, index, id } = the;
    await write(the, "Before");
    const file = new File([new Uint8Array(4_000).fill(7)], "plan.pdf");
    const { messageId } = await a.core.messages.send(
      id,
      {
        ...{ kind: "attachments", text: "Plan for Charminar", mentions: [] },
        attachments: [{ kind: "document", file, name: file.name, mime: "application/pdf" }],
      },
      null,
    );
    const attachmentIdOn = (one: Officer): Promise<AttachmentId> =>
      one.until("the file", async () => {
        const { messages } = await one.core.messages.page(id, null, 10);
        const body = messages.find((found) => found.messageId === messageId)?.body;
        return body?.kind === "attachments" ? body.attachments[0]?.attachmentId : undefined;
      });
    for (const one of [b, second]) await one.core.attachments.get(await attachmentIdOn(one), null);
    const find = async (): Promise<number> =>
      (await b.core.search.find({ text: "charminar" })).messages.length;
    // Its code is fetched, which takes no simulated time.
    await find();
    await b.until("found", async () => (await find()) === 1);
    const held = async (one: Officer): Promise<boolean> => {
      const { messages } = await one.core.messages.page(id, null, 10);
      return messages.some((found) => found.messageId === messageId);
    };

    await b.core.oneself.delete(id, [messageId], UNDO_MS);
    expect(await held(b)).toBe(false);
    const { last } = await b.core.conversations.get(id);
    expect(last?.preview).toEqual({ kind: "text", text: "Before" });
    await b.core.oneself.undo(id, [messageId]);
    expect(await held(b)).toBe(true);

    await b.core.oneself.delete(id, [messageId], UNDO_MS);
    await b.restart();
    expect(await held(b)).toBe(false);
    await second.until("gone", async () => !(await held(second)));
    await b.until("not found", async () => (await find()) === 0);
    for (const one of [b, second]) await shows(one, id, { unread: 1 });
    expect(await held(a)).toBe(true);
    const third = await w.device(index);
    await compareDigits(b, third);
    await third.receives(id, "Before");
    await third.until("gone", async () => !(await held(third)));
    await second.close();
    const rows = await readRecords<{ messageId: MessageId }>(second.vaultName, "messages");
    expect(rows.filter((one) => one.messageId === messageId)).toEqual([]);
    expect(await readRecords(second.vaultName, "attachments")).toEqual([]);
    // Too late.
    await b.core.oneself.undo(id, [messageId]);
    expect(await held(b)).toBe(false);
  },
  LIMIT_MS,
);

it(
  "clears a chat on one's own devices, and what comes after it stays",
  async () => {
    const the = await scene();
    const { a, b, second, id } = the;
    for (const text of ["One", "Two", "Three"]) await write(the, text);
    await b.core.oneself.clear(id, UNDO_MS);
    expect(await b.texts(id)).toEqual([]);
    expect(await b.core.conversations.get(id)).toMatchObject({ last: null, unread: 0 });
    expect(await b.core.messages.page(id, null, 50)).toMatchObject({ firstUnread: null });
    await b.core.oneself.undo(id, null);
    expect(await b.texts(id)).toEqual(["One", "Two", "Three"]);
    // Nobody has read it.
    await shows(b, id, { unread: 3 });
    const { firstUnread } = await b.core.messages.page(id, null, 50);
    expect(firstUnread).not.toBeNull();
    expect(await a.status(firstUnread as MessageId, id)).not.toBe("read");
    // The undo of one message's deletion leaves the clear alone.
    await b.core.oneself.delete(id, [firstUnread as MessageId], UNDO_MS);
    await b.core.oneself.clear(id, UNDO_MS);
    await b.core.oneself.undo(id, [firstUnread as MessageId]);
    expect(await b.texts(id)).toEqual([]);
    await b.core.oneself.undo(id, null);
    expect(await b.texts(id)).toEqual(["One", "Two", "Three"]);
    await b.core.oneself.clear(id, 0);
    await second.until("cleared", async () => (await second.texts(id)).length === 0);
    await write(the, "Four");
    for (const one of [b, second]) {
      expect(await one.texts(id)).toEqual(["Four"]);
      await shows(one, id, { unread: 1 });
    }
    expect(await a.texts(id)).toEqual(["One", "Two", "Three", "Four"]);
    await b.close();
    const rows = await b.restart().then(() => b.core.messages.page(id, null, 50));
    expect(rows).toMatchObject({ more: false });
    await second.close();
    const left = await readRecords<{ content: unknown }>(second.vaultName, "messages");
    expect(left.filter(({ content }) => content !== null)).toHaveLength(1);
  },
  LIMIT_MS,
);

it(
  "shows news of devices after a chat was cleared, and no more those of before",
  async () => {
    const the = await scene();
    const { a, b, second, index, id } = the;
    const notices = async (one: Officer): Promise<readonly string[]> => {
      const { messages } = await one.core.messages.page(id, null, 50);
      return messages.flatMap(({ body }) => (body.kind === "notice" ? [body.notice.kind] : []));
    };
    const third = await w.device(index);
    await compareDigits(b, third);
    await write(the, "One");
    for (const one of [b, second]) await shows(one, id, { devices: 4 });
    await w.current.settle(a, b, second);
    await b.core.oneself.clear(id, 0);
    for (const one of [b, second])
      await one.until("no notice", async () => (await notices(one)).length === 0);
    const fourth = await w.device(index);
    await compareDigits(b, fourth);
    for (const one of [b, second]) {
      await one.until("told", async () => (await notices(one)).length > 0);
      expect(await notices(one)).toEqual(["device_added"]);
      await one.restart();
      expect(await notices(one)).toEqual(["device_added"]);
    }
  },
  LIMIT_MS,
);

it(
  "keeps an order that a device in other hands says is gone",
  async () => {
    const { a, b } = await scene();
    const { conversationId: id } = await a.core.conversations.createGroup({
      ...{ title: "Gate", photo: null, whoMaySend: "everyone", history: "none" },
      personIds: [b.person],
    });
    await b.ready(id);
    const { messageId } = await a.core.messages.send(
      id,
      {
        ...blankOrder("en"),
        ...{ title: "All units", text: "Report to the gate", reference: "7", priority: "flash" },
      },
      null,
    );
    const holds = async (): Promise<boolean> => {
      const { messages } = await b.core.messages.page(id, null, 50);
      return messages.some((one) => one.messageId === messageId);
    };
    await b.until("the order", holds);
    await b.close();
    const vault = new Vault({ name: b.vaultName, now: Date.now });
    await vault.open();
    const item = { name: "gone", of: id, part: messageId, changes: 1, value: 1 } as const;
    const value: OwnRow = { ...item, saidMs: Date.now(), sentMs: Date.now(), dueMs: 0 };
    await vault.write([{ op: "put", store: "own", key: itemKey(item), value }]);
    vault.close();
    await b.restart();
    expect(await holds()).toBe(true);
    await w.current.settle(b);
    await b.core.oneself.pin(id, true);
    await w.current.settle(b);
    await b.close();
    const own = await readRecords<OwnRow>(b.vaultName, "own");
    expect(own.find(({ name }) => name === "gone")).toMatchObject({ dueMs: null });
    await b.restart();
    expect(await holds()).toBe(true);
  },
  LIMIT_MS,
);

it(
  "brings an archived chat back with news, a muted one with a mention alone",
  async () => {
    const the = await scene();
    const { a, b, second, id } = the;
    await write(the, "Gate 2");
    await b.core.oneself.archive(id, true);
    for (const one of [b, second]) await shows(one, id, { archived: true });
    await b.text(id, "Noted");
    await w.current.settle(a, b, second);
    await shows(b, id, { archived: true });
    await write(the, "Gate 3");
    for (const one of [b, second]) await shows(one, id, { archived: false });
    await b.core.oneself.archive(id, true);
    for (const one of [b, second])
      await one.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    for (const one of [b, second]) await shows(one, id, { archived: true, mutedUntilMs: -1 });
    await write(the, "Gate 4");
    for (const one of [b, second]) await shows(one, id, { archived: true });
    const mentions = [{ personId: b.person, start: 0, length: 2 }];
    await a.core.messages.send(id, { kind: "text", text: "@B now", mentions }, null);
    for (const one of [b, second]) await shows(one, id, { archived: false });
  },
  LIMIT_MS,
);

it(
  "says so where there are too many stars, and where a message cannot be deleted",
  async () => {
    const { b, id } = await scene();
    const { oneself } = b.core;
    await expect(oneself.star(id, [newId()], true)).rejects.toMatchObject({ code: "not_found" });
    await expect(oneself.delete(id, [newId()], 0)).rejects.toMatchObject({ code: "not_found" });
    await expect(oneself.nameFolder(" ")).rejects.toMatchObject({ code: "message_invalid" });
    for (let n = 0; n < 20; n++) await oneself.nameFolder(`Folder ${String(n)}`);
    await expect(oneself.nameFolder("More")).rejects.toMatchObject({ code: "own_limit" });
  },
  LIMIT_MS,
);

it(
  "takes no word of another person's",
  async () => {
    const { officers, insider, id, key, close } = await insiderGroup(1);
    try {
      const [a] = officers as [Officer];
      const { messageId } = await a.text(id, "Gate 2");
      await a.until("accepted", async () => (await a.core.app.state()).outbox === 0);
      const about = { of: id, changes: 9 };
      const items = [
        { ...about, name: "gone", part: messageId, value: 1 },
        { ...about, name: "archived", part: null, value: 99 },
      ];
      const content = encode({ v: 1, kind: "own", items });
      await insider.post(id, await insider.message(id, key, content), false, true);
      await a.text(id, "after");
      expect(await a.texts(id)).toEqual(["Gate 2", "after"]);
      expect(await a.core.conversations.get(id)).toMatchObject({ archived: false });
    } finally {
      await close();
    }
  },
  LIMIT_MS,
);
