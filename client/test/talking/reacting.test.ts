/** Reactions over real cores: everybody sees the last one of each person, and a member forges none. */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newId, type ConversationId, type MessageId, type PersonId } from "#core/ids.ts";
import { insiderGroup, type InsiderGroup } from "../support/insider-group.ts";
import type { Officer } from "../support/officer.ts";

const LIMIT_MS = 60_000;
const FAMILY = "👨🏽‍👩🏽‍👧🏽‍👦🏽";

let group: InsiderGroup;
let insider: InsiderGroup["insider"];
let a: Officer;
let b: Officer;
let c: Officer;
let id: ConversationId;
let key: InsiderGroup["key"];
let messageId: MessageId;

beforeEach(async () => {
  group = await insiderGroup(3);
  ({ insider, id, key } = group);
  [a, b, c] = group.officers as [Officer, Officer, Officer];
  messageId = await group.said(a, "Go");
}, LIMIT_MS);

afterEach(() => group.close());

function firstNames(): Readonly<Record<PersonId, string>> {
  return { [a.person]: "Asha", [b.person]: "Balu", [c.person]: "Chandra" };
}

/** Each emoji with the first names of the people who chose it. */
async function reactions(officer: Officer): Promise<string> {
  const shown = (await officer.message(id, messageId))?.reactions ?? [];
  const names = firstNames();
  return shown
    .map(({ emoji, people }) => [emoji, ...people.map((one) => names[one.personId] ?? "?")])
    .map((one) => one.join(" "))
    .join(", ");
}

async function everybodySees(wanted: string): Promise<void> {
  for (const one of [a, b, c])
    await one.until(wanted, async () => (await reactions(one)) === wanted);
}

it(
  "shows everybody the last reaction of each person, live, as no row, unread for nobody",
  async () => {
    await a.core.messages.markRead(id, messageId);
    await b.core.messages.react(id, messageId, "👍");
    await everybodySees("👍 Balu");
    await c.core.messages.react(id, messageId, "👍");
    await everybodySees("👍 Balu Chandra");
    await b.core.messages.react(id, messageId, FAMILY);
    await everybodySees(`👍 Chandra, ${FAMILY} Balu`);
    expect((await b.message(id, messageId))?.reactions?.map(({ mine }) => mine)).toEqual([
      false,
      true,
    ]);
    await b.core.messages.react(id, messageId, null);
    await everybodySees("👍 Chandra");
    expect((await a.core.conversations.get(id)).unread).toBe(0);
    await c.restart();
    expect(await reactions(c)).toBe("👍 Chandra");
  },
  LIMIT_MS,
);

it(
  "tells the author alone, once for each person, and not in a muted chat",
  async () => {
    const told = (officer: Officer): string =>
      officer.events
        .flatMap((event) => (event.type === "notify" ? (event.reaction ?? []) : []))
        .map(
          ({ emoji, by }) => `${emoji} ${by === null ? "?" : (firstNames()[by.personId] ?? "?")}`,
        )
        .join(", ");
    await b.core.messages.react(id, messageId, "👍");
    await everybodySees("👍 Balu");
    await b.core.messages.react(id, messageId, "✅");
    await b.core.messages.react(id, messageId, null);
    await a.core.messages.react(id, messageId, "🙏");
    await c.core.messages.react(id, messageId, "👍");
    await everybodySees("🙏 Asha, 👍 Chandra");
    await a.until("told", () => Promise.resolve(told(a) === "👍 Balu, 👍 Chandra"));
    expect([told(b), told(c)]).toEqual(["", ""]);
    const item = a.events.findLast((event) => event.type === "notify");
    expect(item).toMatchObject({ item: { messageId, mine: true } });
    await a.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    const { messageId: second } = await a.text(id, "Go on");
    for (const one of [b, c]) await one.receives(id, "Go on");
    await b.core.messages.react(id, second, "👍");
    await a.until("👍", async () => (await a.message(id, second))?.reactions?.length === 1);
    expect(told(a)).toBe("👍 Balu, 👍 Chandra");
  },
  LIMIT_MS,
);

it(
  "shows a reaction at once that waits for a network, and the last one of several",
  async () => {
    await b.core.app.networkChanged(false);
    await b.until("offline", async () => (await b.core.app.state()).connection !== "online");
    await b.core.messages.react(id, messageId, "👍");
    expect(await reactions(b)).toBe("👍 Balu");
    await b.core.messages.react(id, messageId, "✅");
    expect(await reactions(b)).toBe("✅ Balu");
    await b.core.app.networkChanged(true);
    await everybodySees("✅ Balu");
  },
  LIMIT_MS,
);

it(
  "takes one emoji alone, from this device and from others",
  async () => {
    for (const text of ["", "ok", "👍👍", "👍 ", "1", "\u202e👍", `👍${"\u0301".repeat(9)}`])
      await expect(b.core.messages.react(id, messageId, text)).rejects.toMatchObject({
        code: "message_invalid",
      });
    await expect(b.core.messages.react(id, newId(), "👍")).rejects.toMatchObject({
      code: "not_found",
    });
    const forge = async (emoji: unknown, of = messageId): Promise<void> => {
      const what = { mark: "reaction", emoji };
      const content = encode({ v: 1, kind: "mark", messageId: of, what });
      await insider.post(id, await insider.message(id, key, content), false, true);
    };
    await forge("You are dismissed");
    await forge("👍", "0".repeat(32) as MessageId);
    await forge("🔥");
    await b.core.messages.react(id, messageId, "👍");
    await everybodySees("🔥 ?, 👍 Balu");
  },
  LIMIT_MS,
);

it("is refused where it would flood, or not everybody may send", async () => {
  const { conversationId } = await a.core.conversations.createGroup({
    ...{ title: "Notices", personIds: [b.person], photo: null },
    ...{ whoMaySend: "admins", history: "none" },
  });
  const { messageId: notice } = await a.text(conversationId, "Read this");
  await expect(a.core.messages.react(conversationId, notice, "👍")).rejects.toMatchObject({
    code: "reactions_too_large",
    details: { people: 256 },
  });
});
