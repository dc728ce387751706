/** The notice of an export and its file: nobody has the file before the server has the notice. */
import { afterEach, beforeEach, expect, it } from "vitest";
import type { MadeExport } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";

const LIMIT_MS = 60_000;
const WHOLE = { fromMs: null, toMs: null, messageIds: null, files: true, title: "Gate 2" } as const;

let group: InsiderGroup;
let a: Officer;
let b: Officer;
let id: ConversationId;

beforeEach(async () => {
  group = await insiderGroup(2);
  ({ id } = group);
  [a, b] = group.officers as [Officer, Officer];
  await group.said(a, "Gate 2");
}, LIMIT_MS);

afterEach(() => group.close());

async function notices(officer: Officer): Promise<readonly MessageId[]> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  return messages.flatMap(({ body, messageId }) => (body.kind === "exported" ? [messageId] : []));
}

/** The network drops once the file is made: its notice is signed, and waits. */
async function telling(): Promise<{ readonly made: Promise<MadeExport> }> {
  const network = group.world.network(a);
  network.path = /\/messages$/;
  network.method = /POST/;
  network.cut = true;
  network.seen.length = 0;
  const made = a.core.exports.make(id, WHOLE);
  made.catch(() => undefined);
  await a.until("on its way", () => Promise.resolve(network.seen.length > 0));
  expect(a.events).toContainEqual(
    expect.objectContaining({ type: "conversation_export", step: "telling" }),
  );
  return { made };
}

async function reconnected(): Promise<void> {
  group.world.network(a).cut = false;
  await a.reconnect();
}

function recorded(): readonly string[] {
  return group.world.server.conversation(id).exports.map(({ sha256 }) => sha256);
}

it(
  "hands the file out once the server has the notice, also after a cut of the network",
  async () => {
    const { made } = await telling();
    await a.core.exports.cancel();
    expect(recorded()).toEqual([]);
    await reconnected();
    const { sha256 } = await made;
    expect(recorded()).toEqual([sha256]);
    await b.until("told", async () => (await notices(b)).length === 1);
  },
  LIMIT_MS,
);

it(
  "hands no file out where the person takes the notice back, and tells nobody",
  async () => {
    const { made } = await telling();
    const [notice] = await notices(a);
    await a.core.messages.cancel(notice as MessageId);
    await expect(made).rejects.toMatchObject({ code: "cancelled" });
    await reconnected();
    await group.said(a, "after");
    expect([recorded(), await notices(b)]).toEqual([[], []]);
  },
  LIMIT_MS,
);

it(
  "tells nobody of a file that was lost when the app ended",
  async () => {
    const { made } = await telling();
    await a.close();
    await expect(made).rejects.toMatchObject({ code: "cancelled" });
    group.world.network(a).cut = false;
    await a.restart();
    await group.said(a, "after");
    await group.said(b, "on");
    for (const one of [a, b]) {
      expect(await notices(one)).toEqual([]);
      expect((await one.core.conversations.get(id)).alarm).toBeNull();
    }
    expect(recorded()).toEqual([]);
  },
  LIMIT_MS,
);
