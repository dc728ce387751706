import type { ConversationId, UnitId } from "#core/ids.ts";
import type { Called, CoreEvent, MessageItem } from "#core/seam.ts";
import { describe, expect, it } from "vitest";
import type { Officer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();

async function group(admin: Officer, others: readonly Officer[]): Promise<ConversationId> {
  const personIds = await Promise.all(others.map((officer) => officer.person));
  const { conversationId } = await admin.core.conversations.createGroup({
    title: "Charminar PS",
    personIds,
    photo: null,
    whoMaySend: "everyone",
    history: "none",
  });
  await Promise.all([admin, ...others].map((officer) => officer.ready(conversationId)));
  return conversationId;
}

async function titled(officer: Officer, conversationId: ConversationId): Promise<void> {
  await officer.until("title", async () => {
    const { title } = await officer.core.conversations.get(conversationId);
    return title === "Charminar PS";
  });
}

describe("direct", () => {
  it("carries the first text from one device to another, and ticks come back", async () => {
    const a = await w.join();
    const b = await w.join();
    const { conversationId } = await a.core.conversations.openDirect(b.person);
    const sent = await a.text(conversationId, "Vehicle check at the junction");
    await b.receives(conversationId, "Vehicle check at the junction");
    await a.until(
      "delivered",
      async () => (await a.status(sent.messageId, conversationId)) === "delivered",
    );
    const { unread } = await b.core.conversations.get(conversationId);
    expect(unread).toBe(1);
    await b.core.messages.markRead(conversationId, sent.messageId);
    await a.until("read", async () => (await a.status(sent.messageId, conversationId)) === "read");
    const receipts = await a.core.messages.receipts(conversationId, sent.messageId);
    expect(receipts.read.map(({ personId }) => personId)).toEqual([b.person]);
    expect((await b.core.conversations.get(conversationId)).unread).toBe(0);
    await b.text(conversationId, "Received");
    await a.receives(conversationId, "Received");
    const codes = await Promise.all(
      [a, b].map(({ core }) => core.conversations.encryption(conversationId)),
    );
    expect(codes[0]?.headCode).toBe(codes[1]?.headCode);
    expect(codes[0]?.headCode).toMatch(/^(\d{5} ){7}\d{5}$/);
  });

  it("sends no message again that was taken back while the network was gone", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId } = await a.core.conversations.openDirect(b.person);
    await a.text(conversationId, "before");
    await b.receives(conversationId, "before");
    const network = w.current.network(a);
    network.path = /\/messages$/;
    network.cut = true;
    network.seen.length = 0;
    const { messageId } = await a.text(conversationId, "Not for here");
    await a.until("on its way", () => Promise.resolve(network.seen.length > 0));
    await a.core.messages.cancel(messageId);
    network.cut = false;
    await a.reconnect();
    await a.text(conversationId, "after");
    await b.receives(conversationId, "after");
    expect(await b.texts(conversationId)).toEqual(["before", "after"]);
  });

  it("announces the outbox twice for a message: it waits, and it is sent", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId } = await a.core.conversations.openDirect(b.person);
    const first = await a.text(conversationId, "The first makes a key");
    await a.until(
      "sent",
      async () => (await a.status(first.messageId, conversationId)) === "delivered",
    );
    const events: CoreEvent[] = [];
    a.core.subscribe((event) => events.push(event));
    const second = await a.text(conversationId, "Vehicle check at the junction");
    await a.until(
      "sent",
      async () => (await a.status(second.messageId, conversationId)) === "delivered",
    );
    const waiting = events.flatMap((event) => (event.type === "app" ? [event.state.outbox] : []));
    expect(waiting).toEqual([1, 0]);
  });

  it("is one conversation when both open it at once", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const [ida, idb] = [a.person, b.person];
    const [one, two] = await Promise.all([
      a.core.conversations.openDirect(idb),
      b.core.conversations.openDirect(ida),
    ]);
    expect(one.conversationId).toBe(two.conversationId);
    await a.text(one.conversationId, "from a");
    await b.text(one.conversationId, "from b");
    await a.receives(one.conversationId, "from b");
    await b.receives(one.conversationId, "from a");
  });
});

describe("group", () => {
  it("has a name, talks, adds somebody who sees only what follows, and removes somebody", async () => {
    const [a, b, c, d] = [await w.join(), await w.join(), await w.join(), await w.join()];
    const id = await group(a, [b, c]);
    await titled(b, id);
    await titled(c, id);
    expect((await c.core.conversations.get(id)).historyDays).toBe(0);
    await b.text(id, "before d came");
    await c.receives(id, "before d came");

    await a.core.members.change(id, { add: [d.person] });
    await d.ready(id);
    await titled(d, id);
    await d.text(id, "d is here");
    await Promise.all([a, b, c].map((officer) => officer.receives(id, "d is here")));
    expect(await d.texts(id)).not.toContain("before d came");

    await a.core.members.change(id, { remove: [b.person] });
    await b.until("left", async () => (await b.core.conversations.get(id)).state === "left");
    await c.text(id, "after b left");
    await Promise.all([a, d].map((officer) => officer.receives(id, "after b left")));
    expect(await b.texts(id)).toContain("before d came");
    expect(await b.texts(id)).not.toContain("after b left");
    await expect(b.text(id, "let me in")).rejects.toMatchObject({ code: "conversation_left" });

    await c.core.conversations.leave(id);
    expect((await c.core.conversations.get(id)).state).toBe("left");
    await a.text(id, "after c left");
    await d.receives(id, "after c left");
    expect(await c.texts(id)).not.toContain("after c left");
    await c.core.conversations.forget(id);
    expect(await c.core.conversations.list()).toEqual([]);
  });

  it("carries on when two admins change it at once", async () => {
    const [a, b, c, d, e] = [
      await w.join(),
      await w.join(),
      await w.join(),
      await w.join(),
      await w.join(),
    ];
    const id = await group(a, [b, c]);
    await a.core.members.change(id, { makeAdmin: [b.person] });
    await b.until("admin", async () => (await b.core.conversations.get(id)).admin);
    await Promise.all([
      a.core.members.change(id, { add: [d.person] }),
      b.core.members.change(id, { add: [e.person], remove: [c.person] }),
    ]);
    await Promise.all([d, e].map((officer) => officer.ready(id)));
    await Promise.all([a, b, d, e].map((officer, i) => officer.text(id, `hello ${String(i)}`)));
    for (const officer of [a, b, d, e]) {
      for (let i = 0; i < 4; i++) await officer.receives(id, `hello ${String(i)}`);
    }
    const codes = await Promise.all(
      [a, b, d, e].map(({ core }) => core.conversations.encryption(id)),
    );
    expect(new Set(codes.map(({ headCode }) => headCode)).size).toBe(1);
    expect(codes.map(({ devices }) => devices)).toEqual([4, 4, 4, 4]);
  });

  it("lets only admins send where that is the rule", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await group(a, [b]);
    await a.core.conversations.setWhoMaySend(id, "admins");
    await b.until("silenced", async () => !(await b.core.conversations.get(id)).canSend);
    await expect(b.text(id, "no")).rejects.toMatchObject({ code: "may_not_send" });
    await expect(a.core.conversations.leave(id)).rejects.toMatchObject({ code: "last_admin" });
  });
});

it("shows a departure to admins alone", async () => {
  const [a, b, c] = [await w.join(), await w.join(), await w.join()];
  const id = await group(a, [b, c]);
  await c.core.conversations.leave(id);
  const departures = async ({ core }: Officer): Promise<number> => {
    const { messages } = await core.messages.page(id, null, 50);
    return messages.filter(({ body }) => body.kind === "notice" && body.notice.kind === "removed")
      .length;
  };
  await a.until("told", async () => (await departures(a)) === 1);
  await b.until("gone", async () => (await b.core.members.list(id)).length === 2);
  await a.text(id, "The two of us");
  await b.receives(id, "The two of us");
  expect(await departures(b)).toBe(0);
});

describe("replies and mentions", () => {
  it("calls who is meant also where the conversation is muted, and nobody else", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const id = await group(a, [b, c]);
    for (const officer of [b, c])
      await officer.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    const notified = ({ events }: Officer): readonly unknown[] =>
      events
        .flatMap((event) => (event.type === "notify" ? [event.item.body] : []))
        .map((body) => ("text" in body ? body.text : body.kind));
    const mentions = [{ personId: b.person, start: 0, length: 2 }];
    const file = new Blob(["the list"]);
    const attachments = [{ kind: "document", file, name: "list.txt", mime: "text/plain" }] as const;
    await a.text(id, "to all of you");
    await a.core.messages.send(id, { kind: "text", text: "@B come", mentions }, null);
    await a.core.messages.send(
      id,
      { kind: "attachments", text: "@B see", mentions, attachments },
      null,
    );
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    await a.text(id, "that is all");
    for (const officer of [b, c]) await officer.receives(id, "that is all");
    await b.until("called", () => Promise.resolve(notified(b).length >= 2));
    expect(notified(b)).toEqual(["@B come", "@B see"]);
    expect(notified(c)).toEqual([]);
    // A message of the conversation on the screen raises no notification.
    await b.core.app.setVisible(id);
    await a.core.messages.send(id, { kind: "text", text: "@B seen", mentions }, null);
    await b.receives(id, "@B seen");
    await a.text(id, "over");
    await b.receives(id, "over");
    expect(notified(b)).toEqual(["@B come", "@B see"]);
  });

  it("calls the holder of a post by the signed card, a rank and everybody, past mute", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    await w.server.people.addCard(await w.server.people.person(b.person), {
      post: "SHO",
      rank: "SI",
    });
    w.server.live.pushPeople([b.person], "clients");
    await b.until("card", async () => (await b.core.people.get(b.person)).post.en === "SHO");
    const id = await group(a, [b, c]);
    for (const officer of [b, c])
      await officer.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    const { unitId } = await a.core.people.get(b.person);
    const place = { start: 0, length: 4 };
    const send = (text: string, called: Called): Promise<unknown> =>
      a.core.messages.send(id, { kind: "text", text, mentions: [{ ...called, ...place }] }, null);
    await send("@SHO of another station", { post: "SHO", unitId: "ELSEWHERE" as UnitId });
    await send("@SHO come", { post: "SHO", unitId });
    await send("@SIs report", { rank: "SI" });
    await send("@SHOs report", { post: "SHO", unitId: null });
    await send("@B call me", { personId: b.person });
    await send("@all stand to", { everybody: true });
    for (const officer of [b, c]) await officer.receives(id, "@all stand to");
    const called = ({ events }: Officer): readonly unknown[] =>
      events.flatMap((event) => (event.type === "notify" ? [event.item.called] : []));
    await b.until("called", () => Promise.resolve(called(b).length >= 5));
    await c.until("called", () => Promise.resolve(called(c).length >= 1));
    expect(called(b)).toEqual(["post", "rank", "posts", "person", "everybody"]);
    expect(called(c)).toEqual(["everybody"]);
    expect(await b.core.conversations.get(id)).toMatchObject({ unread: 6, mentions: 5 });
  });

  it("lists the replies of a message, also after it was read backwards, and on their way", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await b.ready(id);
    const { messageId } = await a.text(id, "Who is at the gate?");
    await b.receives(id, "Who is at the gate?");
    const reply = (from: Officer, text: string): Promise<MessageItem> =>
      from.core.messages.send(id, { kind: "text", text, mentions: [] }, messageId);
    const first = await reply(b, "I am");
    await a.receives(id, "I am");
    await a.text(id, "Vehicle check at the junction");
    const gone = await reply(a, "Come in");
    await b.receives(id, "Come in");
    const texts = async ({ core }: Officer): Promise<readonly unknown[]> =>
      (await core.messages.replies(id, messageId)).map(({ body }) =>
        "text" in body ? body.text : body.kind,
      );
    const all = ["Who is at the gate?", "I am", "Come in"];
    for (const officer of [a, b]) {
      await officer.until(
        "counted",
        async () => (await officer.message(id, messageId))?.replies === 2,
      );
      expect(await texts(officer)).toEqual(all);
    }
    await b.restart();
    expect(await texts(b)).toEqual(all);
    await b.core.oneself.delete(id, [first.messageId], 0);
    expect(await texts(b)).toEqual(["Who is at the gate?", "Come in"]);
    expect((await b.message(id, messageId))?.replies).toBe(1);
    await a.core.messages.delete(id, gone.messageId, 0);
    await b.until("deleted", async () => (await texts(b)).length === 1);
    expect((await b.message(id, messageId))?.replies).toBeUndefined();
    w.current.network(b).cut = true;
    await reply(b, "On my way");
    expect(await texts(b)).toEqual(["Who is at the gate?", "On my way"]);
  });

  it("quotes what was said and marks who is meant", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await b.ready(id);
    const asked = await a.text(id, "Who is at the gate?");
    await b.receives(id, "Who is at the gate?");
    const mention = { personId: a.person, start: 0, length: 2 };
    await b.core.messages.send(
      id,
      { kind: "text", text: "@A I am", mentions: [mention] },
      asked.messageId,
    );
    await a.receives(id, "@A I am");
    const page = await a.core.messages.page(id, null, 10);
    const reply = page.messages.at(-1);
    expect(reply?.replyTo?.preview).toEqual({ kind: "text", text: "Who is at the gate?" });
    expect((await a.core.conversations.get(id)).mentions).toBe(1);
    await a.core.conversations.saveDraft(id, "half a");
    expect((await a.core.conversations.get(id)).draft).toBe("half a");
    await a.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    expect(await a.core.conversations.get(id)).toMatchObject({ mutedUntilMs: -1 });
    const place = { kind: "location", latitude: 17.36, longitude: 78.47, accuracyM: 12 } as const;
    await a.core.messages.send(id, { ...place, takenMs: 1 }, null);
    await b.until("place", async () => {
      const { messages } = await b.core.messages.page(id, null, 1);
      return messages[0]?.body.kind === "location" && messages[0].body.latitude === 17.36;
    });
  });
});
