/** Marks that count nowhere, because they were refused or came too late: the person learns of it once. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Notice } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";

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
