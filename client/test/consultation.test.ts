/** Polls, questions and replies over real cores: results, secrecy, and members who cheat. */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ConversationId, MessageId } from "#core/ids.ts";
import { bodyKey, openBody, parseMessage } from "#core/keys/message.ts";
import { fromHex } from "#core/octets.ts";
import type { PollState } from "#core/core.ts";
import { decodeContent } from "#core/kinds/content.ts";
import type { PollContent } from "#core/kinds/consultation.ts";
import { insiderGroup, type InsiderGroup } from "./support/insider-group.ts";
import type { Officer } from "./support/officer.ts";

const LIMIT_MS = 60_000;
const POLL: PollContent = {
  ...{ kind: "poll", question: "Which evening?", options: ["Mon", "Tue"] },
  ...{ multiple: false, anonymous: false, endsMs: null },
};

let world: InsiderGroup["world"];
let group: InsiderGroup;
let insider: InsiderGroup["insider"];
let a: Officer;
let b: Officer;
let c: Officer;
let id: ConversationId;
let key: InsiderGroup["key"];

beforeEach(async () => {
  group = await insiderGroup(3);
  ({ world, insider, id, key } = group);
  [a, b, c] = group.officers as [Officer, Officer, Officer];
}, LIMIT_MS);

afterEach(() => group.close());

async function ask(poll: Partial<PollContent> = {}): Promise<MessageId> {
  const { messageId } = await a.core.messages.send(id, { ...POLL, ...poll }, null);
  for (const one of [b, c])
    await one.until("poll", async () => (await seen(one, messageId)) !== null);
  return messageId;
}

async function seen(officer: Officer, messageId: MessageId, where = id): Promise<PollState | null> {
  const body = (await officer.message(where, messageId))?.body;
  return body?.kind === "poll" ? body.state : null;
}

async function counts(officer: Officer, messageId: MessageId): Promise<readonly (number | null)[]> {
  return ((await seen(officer, messageId))?.options ?? []).map(({ votes }) => votes);
}

async function shows(
  officer: Officer,
  messageId: MessageId,
  ...wanted: readonly (number | null)[]
) {
  await officer.until(`counts ${wanted.join()}`, async () => {
    return (await counts(officer, messageId)).join() === wanted.join();
  });
}

describe("a poll by name", { timeout: LIMIT_MS }, () => {
  it("shows its votes to everybody, live; they are no rows, unread for nobody, and quiet", async () => {
    const poll = await ask();
    await b.core.messages.markRead(id, poll);
    const told = c.events.filter(({ type }) => type === "notify").length;
    await b.core.consultation.vote(id, poll, [1]);
    await c.core.consultation.vote(id, poll, [1]);
    for (const one of [a, b, c]) await shows(one, poll, 0, 2);
    await b.core.consultation.vote(id, poll, [0]);
    for (const one of [a, b, c]) await shows(one, poll, 1, 1);
    const state = await seen(a, poll);
    expect(state?.options.map(({ people }) => people.map(({ personId }) => personId))).toEqual([
      [b.person],
      [c.person],
    ]);
    expect((await seen(b, poll))?.own).toEqual([0]);
    expect((await a.core.conversations.get(id)).unread).toBe(0);
    expect((await b.core.conversations.get(id)).unread).toBe(0);
    expect(c.events.filter(({ type }) => type === "notify")).toHaveLength(told);
    expect(
      (await a.core.messages.page(id, null, 50)).messages.filter(
        (one) => one.seq !== null && one.body.kind !== "notice",
      ),
    ).toHaveLength(1);
    await a.core.consultation.closePoll(id, poll);
    await b.until("closed", async () => (await seen(b, poll))?.shut === "closed");
    await expect(b.core.consultation.vote(id, poll, [1])).rejects.toMatchObject({
      code: "poll_ended",
    });
    await expect(b.core.consultation.closePoll(id, poll)).rejects.toMatchObject({
      code: "poll_ended",
    });
    await b.restart();
    expect(await counts(b, poll)).toEqual([1, 1]);
  });

  it("counts nothing that a member forges", async () => {
    const poll = await ask();
    await b.core.consultation.vote(id, poll, [1]);
    await shows(a, poll, 0, 1);
    const post = async (what: unknown, messageId = poll) => {
      const content = encode({ v: 1, kind: "mark", messageId, what });
      const message = await insider.message(id, key, content);
      await insider.post(id, message, false, true);
      return message;
    };
    await post({ mark: "close" });
    await post({ mark: "vote", choices: [0] }, "0".repeat(32) as MessageId);
    await post({ mark: "vote", choices: [7] });
    await post({ mark: "totals", counts: [9, 0], ballots: 9 });
    const vote = await post({ mark: "vote", choices: [0] });
    // The identical bytes again are the same vote.
    await insider.api.sendMessage(id, { ...SENT, message: vote });
    for (const one of [a, b, c]) await shows(one, poll, 1, 1);
    expect((await seen(b, poll))?.shut).toBeNull();
    // A vote of this conversation is none in another, whatever poll it names.
    const other = await a.core.conversations.createGroup({
      ...{ title: "Beat 10", personIds: [b.person, insider.personId], photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    });
    await b.ready(other.conversationId);
    const there = await a.core.messages.send(other.conversationId, POLL, null);
    await post({ mark: "vote", choices: [0] }, there.messageId);
    await a.text(id, "afterwards");
    await b.receives(id, "afterwards");
    const inOther = () => seen(b, there.messageId, other.conversationId);
    await b.until("the other poll", async () => (await inOther()) !== null);
    expect((await inOther())?.voters).toBe(0);
  });

  it("is refused in a conversation where votes would flood, or nobody could vote", async () => {
    const closed = await a.core.conversations.createGroup({
      ...{ title: "Notices", personIds: [b.person], photo: null },
      ...{ whoMaySend: "admins", history: "none" },
    });
    const asking = a.core.messages.send(closed.conversationId, POLL, null);
    await expect(asking).rejects.toMatchObject({ code: "poll_too_large" });
  });
});

const SENT = {
  attachmentIds: [],
  wakes: [],
  state: false,
  quiet: true,
  order: null,
  ...{ exported: null, everybody: false },
};

describe("an anonymous poll", { timeout: LIMIT_MS }, () => {
  it("tells its author alone who chose what, and the others that somebody voted", async () => {
    const poll = await ask({ anonymous: true });
    await b.core.consultation.vote(id, poll, [1]);
    await c.core.consultation.vote(id, poll, [0]);
    await shows(a, poll, 1, 1);
    await c.until("two voted", async () => (await seen(c, poll))?.voters === 2);
    expect(await counts(c, poll)).toEqual([null, null]);
    expect((await seen(c, poll))?.own).toEqual([0]);
    expect((await seen(a, poll))?.options.flatMap(({ people }) => people)).toEqual([]);
    await a.core.consultation.closePoll(id, poll);
    // Two votes: totals would tell each of them what the other chose.
    await c.until("too few", async () => (await seen(c, poll))?.totals === "few");
  });

  it("counts no ballot that was copied from somebody else's", async () => {
    const poll = await ask({ anonymous: true });
    await b.core.consultation.vote(id, poll, [1]);
    await shows(a, poll, 0, 1);
    const { entry } = world.server.conversation(id).log.at(-1) ?? {};
    if (entry === undefined) throw new Error("the log is empty");
    const message = parseMessage(entry.message, fromHex(id));
    const read = decodeContent(await openBody(message, bodyKey(message.header, key.secret)));
    if (read.kind !== "mark" || read.what.mark !== "ballot") throw new Error("no ballot");
    const { seals } = read.what;
    const content = encode({
      v: 1,
      kind: "mark",
      messageId: poll,
      what: { mark: "ballot", seals },
    });
    await insider.post(id, await insider.message(id, key, content), false, true);
    await b.text(id, "afterwards");
    await a.receives(id, "afterwards");
    expect(await seen(a, poll)).toMatchObject({ voters: 1, counted: 1 });
  });
});

describe("a question", { timeout: LIMIT_MS }, () => {
  it("is answered by the reply that its asker accepts, and nobody else's word", async () => {
    const asked = { kind: "question", text: "Which gate?", mentions: [] } as const;
    const { messageId } = await a.core.messages.send(id, asked, null);
    await b.until("asked", async () => (await b.core.consultation.questions(id)).length === 1);
    const text = { kind: "text", text: "The north one", mentions: [] } as const;
    const answer = await b.core.messages.send(id, text, messageId);
    await c.receives(id, "The north one");
    const forged = encode({
      ...{ v: 1, kind: "mark", messageId },
      what: { mark: "accept", answerId: "1".repeat(32) },
    });
    await insider.post(id, await insider.message(id, key, forged), false, true);
    await expect(
      b.core.consultation.acceptAnswer(id, messageId, answer.messageId),
    ).rejects.toMatchObject({
      code: "not_admin",
    });
    await a.receives(id, "The north one");
    await a.core.consultation.acceptAnswer(id, messageId, answer.messageId);
    const accepted = async (): Promise<string | null> => {
      return (await c.core.consultation.questions(id))[0]?.answer?.messageId ?? null;
    };
    await c.until("accepted", async () => (await accepted()) === answer.messageId);
    await c.restart();
    expect(await accepted()).toBe(answer.messageId);
  });
});

describe("a reply to the sender alone", { timeout: LIMIT_MS }, () => {
  it("goes into the direct conversation, and quotes the announcement there", async () => {
    const notices = await a.core.conversations.createGroup({
      ...{ title: "Notices", personIds: [b.person, c.person], photo: null },
      ...{ whoMaySend: "admins", history: "none" },
    });
    await b.ready(notices.conversationId);
    await a.text(notices.conversationId, "Parade at six");
    await b.receives(notices.conversationId, "Parade at six");
    const { messages } = await b.core.messages.page(notices.conversationId, null, 9);
    const announced = messages.at(-1)?.messageId ?? null;
    const direct = await b.core.conversations.openDirect(a.person);
    const reply = { kind: "text", text: "On leave, sir", mentions: [] } as const;
    const into = direct.conversationId;
    await b.core.messages.send(into, reply, announced, undefined, notices.conversationId);
    await a.receives(into, "On leave, sir");
    const received = (await a.core.messages.page(into, null, 9)).messages.at(-1);
    expect(received?.replyTo).toMatchObject({
      conversationId: notices.conversationId,
      preview: { kind: "text", text: "Parade at six" },
    });
    expect(await c.texts(notices.conversationId)).not.toContain("On leave, sir");
  });
});

describe("quick replies", { timeout: LIMIT_MS }, () => {
  it("are this person's own until they are taken back, and stay on the device", async () => {
    expect(await b.core.consultation.quickReplies()).toBeNull();
    await b.core.consultation.setQuickReplies([" చేరుకున్నాను ", "", "Reached"]);
    await b.restart();
    expect(await b.core.consultation.quickReplies()).toEqual(["చేరుకున్నాను", "Reached"]);
    const long = b.core.consultation.setQuickReplies(["x".repeat(121)]);
    await expect(long).rejects.toMatchObject({ code: "message_invalid" });
    await b.core.consultation.setQuickReplies(null);
    expect(await b.core.consultation.quickReplies()).toBeNull();
  });
});
