/** Marks, and a group's name, that count nowhere, because they were refused or came too late: the person learns of it once. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Notice } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import { failure } from "#core/failure.ts";
import { STORES } from "#core/records.ts";
import { Vault } from "#core/vault/vault.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";
import { group as grouped } from "../support/ordering.ts";

const LIMIT_MS = 60_000;
const HOUR_MS = 3_600_000;

let world: InsiderGroup["world"];
let group: InsiderGroup;
let a: Officer;
let b: Officer;
let id: ConversationId;
let messageId: MessageId;

beforeEach(async () => {
  group = await insiderGroup(2);
  ({ world, id } = group);
  [a, b] = group.officers as [Officer, Officer];
  messageId = await group.said(a, "Gate 2");
}, LIMIT_MS);

afterEach(() => group.close());

async function told(officer: Officer): Promise<readonly Notice[]> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  return messages.flatMap(({ body }) =>
    body.kind === "notice" && body.notice.kind.endsWith("_refused") ? [body.notice] : [],
  );
}

/** The server answers this device's messages with a refusal until all of them are out of the outbox. */
async function refusing(officer: Officer, code: string): Promise<void> {
  const network = world.network(officer);
  network.refuse = (path) => (path.endsWith("/messages") ? code : null);
  network.cut = false;
  await officer.reconnect();
  await officer.until("refused", async () => (await officer.core.app.state()).outbox === 0);
  network.refuse = null;
}

it(
  "says that a deletion was refused, also after the app was closed, and the text is there again",
  async () => {
    world.network(a).cut = true;
    await a.core.messages.delete(id, messageId, 0);
    await a.sees(id, messageId, "deleted");
    expect(await told(a)).toEqual([]);
    await refusing(a, "not_admin");
    const notice = { kind: "deletion_refused", text: "Gate 2" };
    expect(await told(a)).toEqual([notice]);
    await a.sees(id, messageId, "text");
    const { last } = await a.core.conversations.get(id);
    expect(last?.preview).toEqual({ kind: "notice", notice });
    await a.restart();
    await group.said(b, "after");
    expect(await told(a)).toEqual([notice]);
    expect(await told(b)).toEqual([]);
    const { messages } = await a.core.messages.page(id, null, 50);
    expect(messages.at(-2)?.body.kind).toBe("notice");
  },
  LIMIT_MS,
);

it(
  "says that an edit came too late though the server took it, with its words",
  async () => {
    const { server } = world;
    const network = world.network(a);
    const release = network.hold(/\/messages$/);
    network.seen.length = 0;
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    await a.until("on its way", () => Promise.resolve(network.seen.length > 0));
    server.log.takesAnything = true;
    const clock = vi.spyOn(server, "now").mockImplementation(() => Date.now() + HOUR_MS + 60_000);
    release();
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    server.log.takesAnything = false;
    clock.mockRestore();
    expect(await a.texts(id)).toEqual(["Gate 2"]);
    expect(await told(a)).toEqual([{ kind: "edit_refused", text: "Gate 3" }]);
    await group.said(b, "after");
    expect(await told(a)).toHaveLength(1);
    expect(await told(b)).toEqual([]);
  },
  LIMIT_MS,
);

it(
  "says nothing of marks that count, and nothing where the message is gone",
  async () => {
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    await b.receives(id, "Gate 3");
    await b.core.messages.react(id, messageId, "👍");
    await a.core.messages.delete(id, messageId, 0);
    await b.sees(id, messageId, "deleted");
    const second = await group.said(b, "Gate 4");
    world.network(a).cut = true;
    await a.core.messages.react(id, second, "👍");
    await refusing(a, "message_invalid");
    expect(await told(a)).toEqual([{ kind: "mark_refused", text: "Gate 4" }]);
    world.network(a).cut = true;
    await a.core.messages.react(id, second, "🙏");
    await a.core.oneself.delete(id, [second], 0);
    await a.until("gone", async () => (await a.message(id, second)) === undefined);
    await refusing(a, "message_invalid");
    expect(await told(a)).toHaveLength(1);
    expect(await told(b)).toEqual([]);
  },
  LIMIT_MS,
);

it(
  "shows a message again whose deletion came too late though the server took it",
  async () => {
    const { server } = world;
    const network = world.network(a);
    const release = network.hold(/\/messages$/);
    await a.core.messages.delete(id, messageId, 0);
    await a.sees(id, messageId, "deleted");
    await a.until("on its way", () => Promise.resolve(network.seen.length > 0));
    server.log.takesAnything = true;
    const clock = vi.spyOn(server, "now").mockImplementation(() => Date.now() + 49 * HOUR_MS);
    a.events.length = 0;
    release();
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    server.log.takesAnything = false;
    clock.mockRestore();
    expect(await told(a)).toEqual([{ kind: "deletion_refused", text: "Gate 2" }]);
    /** The message in the last event, as an open screen shows it. */
    const shown = (): string | undefined =>
      a.events
        .flatMap((event) => (event.type === "messages" ? event.items : []))
        .findLast((item) => item.messageId === messageId)?.body.kind;
    await a.until("shown again", () => Promise.resolve(shown() === "text"), 3_000);
  },
  LIMIT_MS,
);

it(
  "says nothing of an edit that the log has, whatever the server answers afterwards",
  async () => {
    const network = world.network(a);
    network.refuseTaken = async (path) => {
      if (!path.endsWith("/messages")) return null;
      network.refuseTaken = null;
      await a.until("in the log", async () => (await a.core.app.state()).outbox === 0);
      return "not_admin";
    };
    await a.core.messages.edit(id, messageId, "Gate 3", []);
    await b.receives(id, "Gate 3");
    await group.said(b, "after");
    await group.said(a, "and mine");
    expect(network.refuseTaken).toBeNull();
    expect(await a.texts(id)).toEqual(["Gate 3", "after", "and mine"]);
    expect(await told(a)).toEqual([]);
  },
  LIMIT_MS,
);

it(
  "shows each of two refused marks, however short the pages are",
  async () => {
    const second = await group.said(a, "Gate 4");
    world.network(a).cut = true;
    await a.core.messages.react(id, messageId, "👍");
    await a.core.messages.react(id, second, "👍");
    await refusing(a, "message_invalid");
    const found: string[] = [];
    for (let before: MessageId | null = null; ;) {
      const { messages, more } = await a.core.messages.page(id, before, 1);
      found.unshift(...messages.map((one) => one.messageId));
      before = messages[0]?.messageId ?? null;
      if (!more || before === null) break;
    }
    expect(found.filter((one) => one.startsWith("refused"))).toHaveLength(2);
  },
  LIMIT_MS,
);

it(
  "tells of a refused deletion once the phone's storage takes it",
  async () => {
    const write = Vault.prototype.write;
    let failed = 0;
    const full = vi.spyOn(Vault.prototype, "write").mockImplementation(function (
      this: Vault,
      changes,
      strict,
    ) {
      const ends = changes.some((one) => one.op === "delete" && one.store === STORES.outbox);
      if (!ends) return write.call(this, changes, strict);
      failed++;
      return Promise.reject(failure("storage_failed"));
    });
    const network = world.network(a);
    network.refuse = (path) => (path.endsWith("/messages") ? "not_admin" : null);
    await a.core.messages.delete(id, messageId, 0);
    await a.until("refused", () => Promise.resolve(failed > 1));
    expect((await a.core.app.state()).outbox).toBe(1);
    full.mockRestore();
    await a.until("told", async () => (await told(a)).length === 1);
    expect((await a.core.app.state()).outbox).toBe(0);
  },
  LIMIT_MS,
);

it(
  "keeps no words of a message that its author deletes afterwards",
  async () => {
    world.network(b).cut = true;
    await b.core.messages.react(id, messageId, "👍");
    await refusing(b, "message_invalid");
    expect(await told(b)).toEqual([{ kind: "mark_refused", text: "Gate 2" }]);
    await a.core.messages.delete(id, messageId, 0);
    await b.sees(id, messageId, "deleted");
    expect(await told(b)).toEqual([{ kind: "mark_refused", text: "" }]);
  },
  LIMIT_MS,
);

it(
  "says that a group's new name was refused, and shows the former one",
  async () => {
    id = await grouped(a, [b]);
    const titled = async (who = a) => (await who.core.conversations.get(id)).title;
    await b.until("named", async () => (await titled(b)) !== null);
    const before = await titled();
    world.network(a).cut = true;
    await a.core.conversations.setProfile(id, {
      ...{ title: "Gate 2, night", photo: "keep", description: "" },
    });
    expect(await titled()).toBe("Gate 2, night");
    const network = world.network(a);
    network.refuse = (path) => (path.endsWith("/messages") ? "not_admin" : null);
    network.cut = false;
    await a.reconnect();
    await a.until("told", async () => (await told(a)).length === 1);
    network.refuse = null;
    expect(await told(a)).toEqual([{ kind: "state_refused", text: "Gate 2, night" }]);
    expect(await titled()).toBe(before);
    const shown = a.events.findLast(({ type }) => type === "conversation");
    expect(shown).toMatchObject({ item: { title: before } });
    await a.restart();
    expect(await told(a)).toHaveLength(1);
    await a.core.conversations.setProfile(id, {
      ...{ title: "Gate 2, day", photo: "keep", description: "" },
    });
    await b.until("renamed", async () => (await titled(b)) === "Gate 2, day");
  },
  LIMIT_MS,
);
