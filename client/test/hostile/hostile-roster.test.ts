/**
 * A server that lies about a conversation's size and members: notices, the list of members and from
 * when they read come from the signed roster (E1, H5), in conversations of several cells too.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConversationId } from "#core/ids.ts";
import type { Conversation, Conversations, Members } from "#core/wire.ts";
import { personIdOf } from "../memory/people.ts";
import { numberOf } from "../support/people.ts";
import type { Officer } from "../support/officer.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World;
let a: Officer;
let b: Officer;
let c: Officer;
let d: Officer;
let id: ConversationId;

async function begin(cellSize: number): Promise<void> {
  world = await World.make({ people: 4, cellSize });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
  [c, d] = [world.officer("Chandra"), world.officer("Divya")];
  ({ conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds: [b.person, c.person], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  }));
  for (const one of [b, c]) await one.ready(id);
  await world.settle();
}

afterEach(async () => {
  await world.close();
  await world.server.close();
});

async function noticesOf(officer: Officer): Promise<readonly string[]> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  return messages.flatMap(({ body }) => (body.kind === "notice" ? [body.notice.kind] : []));
}

/** Let the server tell this officer lies about this conversation. */
function lies(officer: Officer, of: (info: Conversation) => Partial<Conversation>): void {
  const bent = (info: Conversation): Conversation =>
    info.conversationId === id ? { ...info, ...of(info) } : info;
  world.network(officer).rewrite = (path, body) => {
    if (path.endsWith("/conversations")) {
      const { conversations } = body as Conversations;
      return { conversations: conversations.map(bent) };
    }
    return path.endsWith(`/conversations/${id}`) ? bent(body as Conversation) : body;
  };
}

describe("a server that says that a conversation has two cells", { timeout: LIMIT_MS }, () => {
  beforeEach(() => begin(256), LIMIT_MS);

  it("E1 turns off no notice, and the number of devices is the signed head's", async () => {
    lies(b, () => ({ cells: 2, devices: 900 }));
    await b.restart();
    await a.core.members.change(id, { add: [d.person] });
    await b.until("told", async () => (await noticesOf(b)).includes("added"));
    expect((await b.core.conversations.get(id)).devices).toBe(4);
  });
});

describe.each([256, 2])("with cells of %i devices", (cellSize) => {
  beforeEach(() => begin(cellSize), LIMIT_MS);

  it(
    "H5 a leaf outside the server's list of members is shown, with from when it reads",
    async () => {
      world.network(b).rewrite = (path, body) => {
        if (!path.endsWith(`/conversations/${id}/members`)) return body;
        const found = body as Members;
        return { ...found, members: found.members.filter(({ personId }) => personId !== c.person) };
      };
      await a.core.members.change(id, { add: [d.person] });
      const shown = await b.until("all", async () => {
        const members = await b.core.members.list(id);
        const outside = members.filter(({ listed }) => !listed);
        const settled = outside.length === 1 && outside[0]?.plate.personId === c.person;
        return members.length === 4 && settled ? members : null;
      });
      const of = (officer: Officer) => shown.find(({ plate }) => plate.personId === officer.person);
      expect(of(c)).toMatchObject({
        listed: false,
        reads: "yes",
        historyFromMs: expect.any(Number),
      });
      for (const one of [a, b, d]) expect(of(one)).toMatchObject({ listed: true, reads: "yes" });
      expect(of(c)?.devices).toHaveLength(1);
      expect((await b.core.conversations.encryption(id)).people).toBe(4);
    },
    LIMIT_MS,
  );

  it(
    "E1 a person whom the server listed before is in the notice of the first leaf",
    async () => {
      const absent = world.absent();
      const late = personIdOf(numberOf(absent));
      await a.core.members.change(id, { add: [late] });
      await b.until("listed", async () =>
        (await b.core.members.list(id)).some(({ plate }) => plate.personId === late),
      );
      expect(
        (await b.core.members.list(id)).find(({ plate }) => plate.personId === late),
      ).toMatchObject({
        reads: "no",
        devices: [],
      });
      const before = await noticesOf(b);
      await world.device(absent);
      await b.until("told", async () => (await noticesOf(b)).length > before.length);
      expect(await noticesOf(b)).toEqual([...before, "added"]);
    },
    LIMIT_MS,
  );
});
