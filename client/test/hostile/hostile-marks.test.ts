/** Attacks on marks over real cores: by a server that was taken over, and by members with changed apps. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { idOf, newId, type ConversationId, type MessageId } from "#core/ids.ts";
import { MESSAGE_KIND, NOTHING, SIGNED_HEADER_BYTES } from "#core/keys/message.ts";
import type { HeaderDraft } from "#core/keys/message.ts";
import { encodeContent } from "#core/kinds/content.ts";
import type { Mark } from "#core/kinds/mark.ts";
import { copy, fromHex, randomBytes } from "#core/octets.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";

const LIMIT_MS = 60_000;
const DELETION = { mark: "deletion" } as const;

let world: InsiderGroup["world"];
let group: InsiderGroup;
/** Made the group, and is its admin. */
let insider: InsiderGroup["insider"];
let a: Officer;
let b: Officer;
let id: ConversationId;
let key: InsiderGroup["key"];
let gate: MessageId;

beforeEach(async () => {
  group = await insiderGroup(2);
  ({ world, insider, id, key } = group);
  [a, b] = group.officers as [Officer, Officer];
  gate = await group.said(a, "Gate 2");
}, LIMIT_MS);

afterEach(() => group.close());

function text(words: string): Uint8Array {
  return encodeContent({ kind: "text", text: words, mentions: [], replyTo: null, forwards: 0 });
}

/** The insider signs a mark; `header` bends what its header says. */
function mark(of: MessageId, what: Mark, header: Partial<HeaderDraft> = {}): Promise<Uint8Array> {
  return insider.message(id, key, encodeContent({ kind: "mark", messageId: of, what }), header);
}

/** The insider sends a message, also one that the server would refuse. */
async function post(message: Uint8Array): Promise<MessageId> {
  world.server.log.takesAnything = true;
  await insider.post(id, message, false, true);
  world.server.log.takesAnything = false;
  return idOf<MessageId>(message.subarray(17, 33));
}

async function write(words: string, header: Partial<HeaderDraft> = {}): Promise<MessageId> {
  return post(await insider.message(id, key, text(words), header));
}

/** The server keeps the headers alone of messages. */
function withhold(which: (kind: number, messageId: MessageId) => boolean): void {
  for (const one of world.server.conversation(id).log)
    if (which(one.kind, one.messageId))
      one.entry = { ...one.entry, message: one.entry.message.slice(0, SIGNED_HEADER_BYTES) };
}

function bodies(): readonly number[] {
  const { log } = world.server.conversation(id);
  return log.map(({ entry }) => entry.message.length - SIGNED_HEADER_BYTES);
}

/** The insider becomes an ordinary member. */
async function demote(): Promise<void> {
  await insider.api.changeMembers(id, {
    ...{ changeId: newId(), add: [], remove: [], makeAdmin: [a.person], asked: false },
    revokeAdmin: [insider.personId],
  });
  await a.until("admin", async () => (await a.core.conversations.get(id)).admin);
}

async function laterPhone(): Promise<Officer> {
  const phone = await world.device(1);
  await compareDigits(b, phone);
  return phone;
}

it(
  "M3 a deletion counts by its header, though the server withholds its body",
  async () => {
    await b.close();
    await a.core.messages.delete(id, gate, 0);
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    withhold((kind) => kind === MESSAGE_KIND.deletion);
    await b.restart();
    const { body } = await b.sees(id, gate, "deleted");
    expect(body).toMatchObject({ by: null });
  },
  LIMIT_MS,
);

it(
  "M3 a mark deletes the message that its header names, and no other",
  async () => {
    await demote();
    const own = await write("Mine");
    for (const one of [a, b]) await one.receives(id, "Mine");
    // The content names somebody else's message, the header the insider's own.
    await post(await mark(gate, DELETION, { marked: fromHex(own) }));
    // The header names nothing: the content alone deletes.
    await post(await mark(own, DELETION, { kind: MESSAGE_KIND.kept, marked: NOTHING }));
    // The header deletes, the content says something.
    await write("Neither", { kind: MESSAGE_KIND.deletion, marked: fromHex(gate) });
    await group.said(a, "after");
    for (const one of [a, b]) {
      await one.sees(id, own, "deleted");
      expect(await one.texts(id)).toEqual(["Gate 2", "after"]);
    }
  },
  LIMIT_MS,
);

it(
  "M2 the words of edits leave the server with their message, and are missed by nobody",
  async () => {
    await a.core.messages.edit(id, gate, "Gate 4", []);
    await b.until("edited", async () => (await b.message(id, gate))?.former !== undefined);
    const other = await group.said(a, "Roll call");
    await a.core.messages.edit(id, other, "Roll call at six", []);
    await b.until("edited", async () => (await b.message(id, other))?.former !== undefined);
    await a.core.messages.delete(id, gate, 0);
    await b.sees(id, gate, "deleted");
    expect(bodies().map((size) => size > 0)).toEqual([false, false, true, true, true]);
    const phone = await laterPhone();
    await phone.sees(id, gate, "deleted");
    await phone.receives(id, "Roll call at six");
    const { messages } = await phone.core.messages.page(id, null, 50);
    const kinds = messages.map(({ body }) => body.kind).filter((kind) => kind !== "notice");
    expect(kinds).toEqual(["deleted", "text"]);
  },
  LIMIT_MS,
);

it(
  "M2 an edit whose words the server withholds hides the former ones",
  async () => {
    await a.core.messages.edit(id, gate, "Gate 4", []);
    await b.until("edited", async () => (await b.message(id, gate))?.former !== undefined);
    withhold((kind) => kind === MESSAGE_KIND.edit);
    const phone = await laterPhone();
    const item = await phone.sees(id, gate, "withheld");
    expect(item).toMatchObject({ preview: { kind: "withheld" }, former: [{ text: "Gate 2" }] });
    expect((await b.message(id, gate))?.body).toMatchObject({ text: "Gate 4" });
  },
  LIMIT_MS,
);

it(
  "M2 an edit after the deletion is refused by the server, and counts nowhere",
  async () => {
    const own = await write("Mine");
    for (const one of [a, b]) await one.receives(id, "Mine");
    await insider.post(id, await mark(own, DELETION), false, true);
    for (const one of [a, b]) await one.sees(id, own, "deleted");
    const late = await mark(own, { mark: "edit", text: "Mine again", mentions: [] });
    await expect(insider.post(id, late, false, true)).rejects.toMatchObject({
      code: "message_invalid",
    });
    await post(late);
    await post(await mark(own, { mark: "pin", pinned: true }));
    await group.said(a, "after");
    for (const one of [a, b]) {
      expect(await one.texts(id)).toEqual(["Gate 2", "after"]);
      expect(await one.core.messages.pinned(id)).toEqual([]);
    }
  },
  LIMIT_MS,
);

it(
  "M3 a message that nobody deletes is shown as withheld, whoever signs its deletion",
  async () => {
    const order = await write("By order", { kind: MESSAGE_KIND.kept });
    withhold((_, messageId) => messageId === order);
    await insider.post(id, await mark(order, DELETION), false, true);
    const phone = await laterPhone();
    await phone.receives(id, "Gate 2");
    await phone.sees(id, order, "withheld");
    // With its body, it is no message of the kind that its header says.
    for (const one of [a, b]) expect(await one.message(id, order)).toBeUndefined();
  },
  LIMIT_MS,
);

it(
  "R11 a withheld message brings an archived chat back, a muted one where its header keeps it",
  async () => {
    const archived = async (is: boolean): Promise<void> => {
      await b.until("archived or not", async () => {
        return (await b.core.conversations.get(id)).archived === is;
      });
    };
    await b.core.oneself.archive(id, true);
    await archived(true);
    await b.close();
    const plain = await write("Gate 3");
    withhold((_, messageId) => messageId === plain);
    await b.restart();
    await b.sees(id, plain, "withheld");
    await archived(false);
    await b.core.oneself.archive(id, true);
    await b.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    await archived(true);
    await b.close();
    const other = await write("Gate 4");
    withhold((_, messageId) => messageId === other);
    await b.restart();
    await b.sees(id, other, "withheld");
    await archived(true);
    await b.close();
    const order = await write("All units", { kind: MESSAGE_KIND.kept });
    withhold((_, messageId) => messageId === order);
    await b.restart();
    await b.sees(id, order, "withheld");
    await archived(false);
  },
  LIMIT_MS,
);

it(
  "R5 an archived chat comes back with an alarm, and takes no archiving while it has one",
  async () => {
    await b.core.oneself.archive(id, true);
    await write("Mine");
    await write("Forked", { previous: randomBytes(32) });
    await b.until("alarm", async () => (await b.core.conversations.get(id)).alarm === "forked");
    await b.core.oneself.archive(id, true);
    expect(await b.core.conversations.get(id)).toMatchObject({ archived: false });
  },
  LIMIT_MS,
);

it(
  "R2 a former admin's deletion counts nowhere, in whatever order it is read",
  async () => {
    const late = await mark(gate, DELETION);
    await demote();
    await group.said(a, "after the change");
    await post(late);
    // The page that a new phone reads first begins with the deletion.
    for (let n = 1; n < 50; n++) await a.text(id, `on duty, ${String(n)}`);
    await b.receives(id, "on duty, 49");
    expect((await b.message(id, gate))?.body.kind).toBe("text");
    const phone = await laterPhone();
    await phone.receives(id, "after the change");
    await phone.sees(id, gate, "withheld");
  },
  LIMIT_MS,
);

it(
  "R2 a removed member's marks count nowhere, in whatever order they are read",
  async () => {
    const own = await write("Mine");
    await group.said(a, "before");
    const edit = await mark(own, { mark: "edit", text: "Mine, changed", mentions: [] });
    await demote();
    await a.core.members.change(id, { remove: [insider.personId] });
    await group.said(a, "after the removal");
    const { log, people } = world.server;
    const client = people.client(insider.signer.clientId);
    const posted = {
      ...{ attachmentIds: [], wakes: [], state: false, quiet: true, order: null },
      ...{ exported: null, everybody: false },
    };
    log.takesAnything = true;
    await log.post(world.server.conversation(id), client, { message: copy(edit), ...posted });
    log.takesAnything = false;
    for (let n = 1; n < 50; n++) await a.text(id, `on duty, ${String(n)}`);
    await b.receives(id, "on duty, 49");
    const phone = await laterPhone();
    await phone.receives(id, "before");
    await phone.until("refused", async () => {
      return (await phone.core.conversations.encryption(id)).refused > 0;
    });
    for (const one of [b, phone]) {
      const item = await one.sees(id, own, "text");
      expect(item.body).toMatchObject({ text: "Mine" });
      expect(item.former).toBeUndefined();
    }
  },
  LIMIT_MS,
);

it(
  "R1 a mark that is replayed into another conversation marks nothing there",
  async () => {
    const deletion = await mark(gate, DELETION);
    const other: ConversationId = newId();
    await insider.api.createConversation({
      ...{ conversationId: other, kind: "group", personIds: [a.person, b.person] },
      ...{ whoMaySend: "everyone", historyDays: 0, audience: null },
    });
    await b.ready(other);
    const { log, people } = world.server;
    const client = people.client(insider.signer.clientId);
    const posted = {
      attachmentIds: [],
      wakes: [],
      state: false,
      quiet: true,
      order: null,
      ...{ exported: null, everybody: false },
    };
    log.takesAnything = true;
    const message = copy(deletion);
    await expect(
      log.post(world.server.conversation(other), client, { message, ...posted }),
    ).rejects.toMatchObject({ code: "message_invalid" });
    log.takesAnything = false;
    // A mark of the other conversation that names this one's message.
    const theirs = await insider.makeKey(other);
    const content = encodeContent({ kind: "mark", messageId: gate, what: DELETION });
    await insider.post(other, await insider.message(other, theirs, content), false, true);
    const after = await insider.message(other, theirs, text("after"));
    await insider.post(other, after);
    await b.receives(other, "after");
    expect((await b.message(id, gate))?.body.kind).toBe("text");
  },
  LIMIT_MS,
);

it(
  "R5 a mark takes the id of no message",
  async () => {
    const message = randomBytes(16);
    const own = await write("Mine", { message });
    for (const one of [a, b]) await one.receives(id, "Mine");
    await post(await mark(gate, DELETION, { message }));
    await group.said(a, "after");
    for (const one of [a, b]) {
      expect((await one.message(id, own))?.body).toMatchObject({ text: "Mine" });
      expect((await one.message(id, gate))?.body.kind).toBe("text");
    }
  },
  LIMIT_MS,
);

it(
  "M1 a flood of reactions of one person is one reaction, and tells the author once",
  async () => {
    for (const emoji of ["👍", "🙏", "👮", "🚓"].flatMap((one) => [one, one, one]))
      await insider.post(id, await mark(gate, { mark: "reaction", emoji }), false, true);
    await group.said(a, "after");
    for (const one of [a, b])
      expect((await one.message(id, gate))?.reactions).toMatchObject([
        { emoji: "🚓", people: [{}] },
      ]);
    const told = a.events.filter((event) => event.type === "notify");
    expect(told).toHaveLength(1);
  },
  LIMIT_MS,
);
