/** An order's life between real cores: issued, acknowledged on several phones, corrected, withdrawn. */
import { describe, expect, it } from "vitest";
import { newId, type MessageId } from "#core/ids.ts";
import { UNREADABLE } from "#core/limits.ts";
import { fromHex } from "#core/octets.ts";
import { AcknowledgementFormat } from "#core/keys/acknowledgement.ts";
import { answerPlace } from "#core/orders/answers.ts";
import { parseAnswer } from "#core/keys/answer.ts";
import type { OrderView } from "#core/core.ts";
import type { Conversation, Order, SubmitAcknowledgements } from "#core/wire.ts";
import type { Officer } from "./support/officer.ts";
import { PLAIN, group, issue, listed, held, owed, settled } from "./support/ordering.ts";
import { compareDigits } from "./support/scenarios.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld();

function counted(orderId: MessageId, officer: Officer) {
  return w.server.state.orders.get(orderId)?.records.get(officer.person)?.record ?? null;
}

describe("an order", () => {
  it("is owed by everybody but its issuer, acknowledged with a choice, corrected, withdrawn", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const id = await group(a, [b, c]);
    const orderId = await issue(a, id, { choices: ["Complying", "Cannot comply"] });
    expect(await held(a, orderId)).toMatchObject({ mine: true, owed: false, overseen: true });
    const asIssued = await a.core.orders.get(orderId);
    const { mayRemind, remindedMs } = await a.core.orders.remind(asIssued);
    expect([mayRemind, remindedMs]).toEqual([true, w.server.now()]);
    expect((await b.core.orders.get(orderId)).mayRemind).toBe(false);
    const order = await owed(b, orderId);
    expect(order.body).toMatchObject({ title: PLAIN.title, reference: PLAIN.reference });
    expect(order.issuer?.personId).toBe(a.person);
    await expect(
      b.core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: null }),
    ).rejects.toMatchObject({
      code: "message_invalid",
    });
    await b.core.orders.acknowledge(orderId, { choice: 2, done: 0, answer: null });
    const done = await settled(b, orderId);
    expect(done).toMatchObject({ owed: false, acknowledgement: { choice: 2, toldBy: null } });
    expect(counted(orderId, b)?.choice).toBe(2);
    expect(await listed(b, "open")).toEqual([]);

    const change = {
      kind: "order_change",
      language: "en",
      translations: [],
      orderId,
      reference: "",
      attachments: [],
      asksAgain: false,
    } as const;
    const corrected = { title: "Bandobast at Charminar (corrected)", text: "Report at 05:30." };
    await a.core.messages.send(
      id,
      { ...change, ...corrected, change: "corrected", reason: "" },
      null,
    );
    await c.until("corrected", async () => (await held(c, orderId))?.changes.length === 1);
    // A change by somebody else is a message and nothing more; the server does not take it either.
    await b.core.messages.send(
      id,
      { ...change, ...corrected, change: "withdrawn", reason: "no" },
      null,
    );
    await a.core.messages.send(
      id,
      { ...change, change: "withdrawn", title: "", text: "", reason: "Rally called off" },
      null,
    );
    const over = await c.until("withdrawn", async () => {
      const held_ = await held(c, orderId);
      return held_?.withdrawnMs == null ? null : held_;
    });
    expect(over.owed).toBe(false);
    expect(over.changes.map(({ body }) => body.change)).toEqual(["corrected", "withdrawn"]);
    await expect(
      c.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null }),
    ).rejects.toMatchObject({
      code: "order_over",
    });
  });

  it("is asked of nobody who was removed from its chat, also after a return", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await group(a, [b]);
    const orderId = await issue(a, id);
    await owed(b, orderId);
    const told: OrderView[] = [];
    const lastTold = (): Promise<boolean | undefined> => Promise.resolve(told.at(-1)?.owed);
    b.core.subscribe((event) => {
      if (event.type === "order") told.push(event.order);
    });
    await a.core.members.change(id, { remove: [b.person] });
    await b.until("told that it is owed no more", async () => (await lastTold()) === false);
    expect(await listed(b, "open")).toEqual([]);
    expect(await held(b, orderId)).toMatchObject({ asks: false, owed: false, unfinished: false });
    await a.core.members.change(id, { add: [b.person] });
    await b.ready(id);
    const later = await issue(a, id, { title: "The next one" });
    await owed(b, later);
    expect(await listed(b, "open")).toMatchObject([{ orderId: later }]);
    expect(await held(a, later)).toMatchObject({ mine: true, mayWithdraw: true });
    await a.core.members.change(id, { makeAdmin: [b.person] });
    await a.core.conversations.leave(id);
    expect(await held(a, later)).toMatchObject({ mine: true, mayWithdraw: false });
  });

  it("is acknowledged without a network, kept over a restart, and counts later once", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const network = w.current.network(b);
    const id = await group(a, [b]);
    const orderId = await issue(a, id);
    await owed(b, orderId);
    network.cut = true;
    await b.core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: null });
    expect((await held(b, orderId))?.sending).toMatchObject({ choice: 0, refused: null });
    const created = (await held(b, orderId))?.sending?.createdMs;
    await b.restart();
    expect((await held(b, orderId))?.sending?.createdMs).toBe(created);
    expect(counted(orderId, b)).toBeNull();
    network.cut = false;
    await b.core.app.networkChanged(true);
    await settled(b, orderId);
    expect(counted(orderId, b)?.created).toBe(created);
  });

  it("takes the later answer of two phones, and tells the other phone", async () => {
    const a = await w.join();
    const b = await w.join();
    const second = await w.device(w.index);
    await compareDigits(b, second);
    const id = await group(a, [b]);
    await second.ready(id);
    const orderId = await issue(a, id, { choices: ["Complying", "Cannot comply"] });
    await owed(second, orderId);
    await owed(b, orderId);
    const network = w.current.network(b);
    network.cut = true;
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await second.core.orders.acknowledge(orderId, { choice: 2, done: 0, answer: null });
    await settled(second, orderId);
    network.cut = false;
    await b.core.app.networkChanged(true);
    const first = await settled(b, orderId);
    expect(first.acknowledgement?.choice).toBe(2);
    expect(counted(orderId, b)?.choice).toBe(2);
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await settled(b, orderId);
    await second.until("told", async () => {
      return (await held(second, orderId))?.acknowledgement?.choice === 1;
    });
  });

  it("seals an answer to its issuer's devices, which open it, and to nobody else", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const id = await group(a, [b, c]);
    const orderId = await issue(a, id, { answers: true, readers: [c.person] });
    await owed(b, orderId);
    await b.core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: "  వస్తున్నాను  " });
    await settled(b, orderId);
    const stored = w.server.state.orders.get(orderId);
    const sealed = stored?.records.get(b.person)?.answer ?? new Uint8Array();
    const answer = parseAnswer(sealed);
    expect(answer.keyIds.length).toBe(2);
    expect(new TextDecoder().decode(sealed)).not.toContain("వస్తున్నాను");
    const named = { conversationId: id, orderId, headerHash: stored?.headerHash ?? sealed };
    expect(answerPlace(named, sealed).messageId).toHaveLength(16);
  });

  it("is history on a new phone, with what was answered before", async () => {
    const a = await w.join();
    const b = await w.join();
    const index = w.index;
    const id = await group(a, [b]);
    const orderId = await issue(a, id);
    await owed(b, orderId);
    await b.core.orders.acknowledge(orderId, { choice: 0, done: 0, answer: null });
    await settled(b, orderId);
    const fresh = await w.device(index);
    await compareDigits(b, fresh);
    await fresh.ready(id);
    const order = await fresh.until("has it", async () => {
      const one = await held(fresh, orderId);
      return one !== null && one.body !== null && one.acknowledgement !== null ? one : null;
    });
    expect(order.owed).toBe(false);
  });

  it("whose correction asks again is owed anew, and the answer names the text", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await group(a, [b]);
    const orderId = await issue(a, id, { choices: ["Complying", "Cannot comply"] });
    await owed(b, orderId);
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await settled(b, orderId);
    const first = counted(orderId, b)?.textHash;
    const change = {
      ...({ kind: "order_change", orderId, reference: "", attachments: [] } as const),
      ...({ language: "en", translations: [] } as const),
    };
    const slip = { change: "corrected", title: "Report at 06:00", text: "", reason: "" } as const;
    await a.core.messages.send(id, { ...change, ...slip, asksAgain: false }, null);
    await b.until("slip", async () => (await held(b, orderId))?.changes.length === 1);
    expect(await held(b, orderId)).toMatchObject({ owed: false, earlier: null });
    const moved = { ...slip, title: "Report at 04:30", asksAgain: true };
    await a.core.messages.send(id, { ...change, ...moved }, null);
    const again = await owed(b, orderId);
    expect(again).toMatchObject({ acknowledgement: null, earlier: { choice: 1 } });
    await b.core.orders.acknowledge(orderId, { choice: 2, done: 0, answer: null });
    expect(await settled(b, orderId)).toMatchObject({ owed: false, earlier: null });
    const said = counted(orderId, b);
    const texts = w.server.state.orders.get(orderId)?.texts ?? [];
    expect([first, said?.textHash]).toEqual([texts[0]?.headerHash, texts[2]?.headerHash]);
  });

  it("is withdrawn by somebody whom it appoints, and by nobody else", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const id = await group(a, [b, c]);
    const orderId = await issue(a, id, { answers: true, readers: [b.person] });
    expect(await owed(b, orderId)).toMatchObject({ mine: false, mayWithdraw: true });
    expect((await owed(c, orderId)).mayWithdraw).toBe(false);
    const change = { kind: "order_change", orderId, change: "withdrawn", title: "" } as const;
    const words = {
      ...({ language: "en", translations: [] } as const),
      ...{ text: "", reference: "", attachments: [], reason: "Rally called off" },
    };
    const asksAgain = false;
    await b.core.messages.send(id, { ...change, ...words, asksAgain }, null);
    const over = await c.until("withdrawn", async () => {
      const order = await held(c, orderId);
      return order?.withdrawnMs == null ? null : order;
    });
    expect(over.owed).toBe(false);
  });
});

describe("a server that lies", () => {
  async function scene() {
    const [a, b] = [await w.join(), await w.join()];
    const id = await group(a, [b]);
    const network = w.current.network(b);
    const orderId = newId<MessageId>();
    const change = (part: (order: Order) => Order): void => {
      network.rewrite = (path, body) =>
        path === `/v1/orders/${orderId}` ? part(body as Order) : body;
    };
    await a.core.messages.send(id, { ...PLAIN, choices: ["Yes", "No"] }, null, orderId);
    await owed(b, orderId);
    return { a, b, orderId, network, change };
  }

  it("about terms is shown as such, and keeps nobody from acknowledging", async () => {
    const { b, orderId, change } = await scene();
    change((order) => ({ ...order, terms: { ...order.terms, validUntilMs: 1 } }));
    expect(await b.core.orders.get(orderId)).toMatchObject({ differs: "terms", owed: true });
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await settled(b, orderId);
    expect(counted(orderId, b)?.choice).toBe(1);
  });

  it("about the header is shown too, and what is signed names the order that was read", async () => {
    const { b, orderId, change } = await scene();
    change((order) => ({ ...order, headerHash: new Uint8Array(32).fill(7) }));
    expect((await b.core.orders.get(orderId)).differs).toBe("header");
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await settled(b, orderId);
    expect(counted(orderId, b)?.headerHash).toEqual(w.server.state.orders.get(orderId)?.headerHash);
  });

  it("withdraws nothing, and says of nobody that they owe nothing (K7)", async () => {
    const { b, orderId, change } = await scene();
    change((order) => ({ ...order, withdrawnMs: 1, owed: false }));
    expect(await b.core.orders.get(orderId)).toMatchObject({ withdrawnMs: null, owed: true });
    expect((await listed(b, "open")).map((one) => one.orderId)).toEqual([orderId]);
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await settled(b, orderId);
  });

  it("moves no beginning of the history past an order that is owed", async () => {
    const { a, b, orderId, network } = await scene();
    const id = (await b.core.orders.get(orderId)).conversationId;
    const path = `/v1/conversations/${id}`;
    const late = { historyFromMs: w.server.now() + 60_000, roster: null };
    network.rewrite = (asked, body) =>
      asked === path ? { ...(body as Conversation), ...late } : body;
    const c = (await w.join()).person;
    for (const change of [{ add: [c] }, { remove: [c] }]) {
      network.seen.length = 0;
      await a.core.members.change(id, change);
      await b.until("asked", () => Promise.resolve(network.seen.includes(`GET ${path}`)));
      await b.until("taken", async () => (await b.core.conversations.get(id)).state === "waiting");
    }
    expect(await listed(b, "open")).toMatchObject([{ orderId, owed: true }]);
  });

  it("makes up no acknowledgement: neither a forged one nor another's is shown (K7)", async () => {
    const { a, b, orderId, change } = await scene();
    const order = w.server.state.orders.get(orderId);
    const place = { conversation: order?.conversationId ?? "", messageId: orderId };
    const words = {
      conversation: fromHex(place.conversation),
      messageId: fromHex(place.messageId),
      headerHash: order?.headerHash ?? new Uint8Array(32),
      textHash: order?.headerHash ?? new Uint8Array(32),
      device: fromHex(w.server.people.clientsOf(b.person)[0]?.device ?? ""),
      person: fromHex(b.person),
      ...{ told: 0, choice: 1, done: 0, created: w.server.now() },
      ...{ answerHash: new Uint8Array(32), photoHash: new Uint8Array(32) },
    };
    const forged = await AcknowledgementFormat.sign(words, new Uint8Array(32).fill(3));
    for (const signerId of [b.person, a.person]) {
      const acknowledgement = { record: forged.bytes, signerId, firstCreatedMs: words.created };
      change((said) => ({ ...said, acknowledgement }));
      expect(await b.core.orders.get(orderId)).toMatchObject({ acknowledgement: null, owed: true });
    }
    await b.core.orders.acknowledge(orderId, { choice: 2, done: 0, answer: null });
    expect((await settled(b, orderId)).acknowledgement?.choice).toBe(2);
  });

  it("signs nothing that would count for another order", async () => {
    const { b, orderId, network } = await scene();
    let posted: Uint8Array | null = null;
    network.forge = (_, body) => {
      if (typeof body === "object" && body !== null && "acknowledgements" in body)
        posted = (body as SubmitAcknowledgements).acknowledgements[0]?.record ?? null;
      return body;
    };
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await settled(b, orderId);
    const order = w.server.state.orders.get(orderId);
    const record = AcknowledgementFormat.parse(posted ?? new Uint8Array());
    expect(record.headerHash).toEqual(order?.headerHash);
    expect(
      await w.server.orders.acknowledge(w.server.people.clientsOf(b.person)[0] as never, orderId, {
        acknowledgements: [{ record: record.bytes, answer: null, photo: null }],
      }),
    ).toEqual({ outcomes: ["counted"] });
    expect(order?.records.size).toBe(1);
  });
});

describe("who may issue", () => {
  it("is asked of the server, and kept for when there is no network", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await group(a, [b]);
    w.server.orders.mayIssue = (personId, priority) =>
      personId === a.person && priority === "routine";
    expect(await a.core.orders.issuing(id)).toEqual({ here: ["routine"], anywhere: ["routine"] });
    expect(await b.core.orders.issuing(id)).toEqual({ here: [], anywhere: [] });
    w.current.network(a).cut = true;
    expect(await a.core.orders.issuing(id)).toEqual({ here: null, anywhere: ["routine"] });
  });

  it("is decided by the server: a refused order fails visibly, and its draft stays", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const id = await group(a, [b]);
    w.server.orders.mayIssue = () => false;
    const draftId = newId<MessageId>();
    const draft = { draftId, template: null, conversationId: id, unitIds: [], order: PLAIN };
    await a.core.orders.keepDraft({ ...draft, sendAtMs: null, savedMs: 0, filesLost: false });
    await a.core.messages.send(id, PLAIN, null, draftId);
    const failed = async () => {
      const { messages } = await a.core.messages.page(id, null, 50);
      return messages.find((one) => one.messageId === draftId && one.status === "failed");
    };
    const refused = await a.until("refused", failed);
    expect(refused.failure?.code).toBe("may_not_issue");
    expect((await a.core.orders.drafts()).map((one) => one.draftId)).toEqual([draftId]);
    expect(w.server.state.orders.has(draftId)).toBe(false);
    // Sent again from its draft, by somebody who may meanwhile.
    w.server.orders.mayIssue = () => true;
    await a.core.messages.cancel(draftId);
    await a.core.messages.send(id, PLAIN, null, draftId);
    await owed(b, draftId);
    await a.until("no draft", async () => (await a.core.orders.drafts()).length === 0);
  });
});

describe("an order that its person cannot read", () => {
  it("is owed no more once the person says so, and is acknowledged when its key comes", async () => {
    const [a, b] = [await w.join(), await w.join()];
    // The seal for b is lost, and what a passes on is lost too.
    const { keys } = w.server;
    const sealFor = keys.sealFor.bind(keys);
    keys.sealFor = (stored, pushed, client) =>
      client.personId === b.person ? null : sealFor(stored, pushed, client);
    let lost = 0;
    w.current.network(a).refuse = (path, method) => {
      if (method !== "POST" || !path.endsWith("/shares")) return null;
      lost++;
      return "not_asked";
    };
    const id = await group(a, [b]);
    const orderId = await issue(a, id, { priority: "flash", choices: ["Complying", "Cannot"] });
    await b.until("nobody helps", () => Promise.resolve(lost > 0));
    const listedAs = await b.core.orders.get(orderId);
    expect(listedAs).toMatchObject({ body: null, owed: true, priority: "flash" });
    await expect(
      b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null }),
    ).rejects.toMatchObject({
      code: "order_unread",
    });
    await b.core.orders.acknowledge(orderId, { choice: UNREADABLE, done: 0, answer: null });
    const said = await settled(b, orderId);
    expect(said).toMatchObject({ owed: false, acknowledgement: { choice: UNREADABLE } });
    expect(counted(orderId, b)?.choice).toBe(UNREADABLE);
    expect(await listed(b, "open")).toEqual([]);

    // Opening it asks for its key again: the request of before was not answered.
    let asked = 0;
    w.current.network(b).forge = (path, body) => {
      asked += path.endsWith("/share-requests") ? 1 : 0;
      return body;
    };
    // Unasked it would ask ever more seldom.
    for (let times = 1; times <= 4; times++) {
      await b.core.orders.get(orderId);
      await b.until(`asks for the ${String(times)}. time`, () => Promise.resolve(asked >= times));
    }
    w.current.network(a).refuse = null;
    for (const ask of w.server.conversation(id).shareAsks.values()) ask.asked.clear();
    await b.core.orders.get(orderId);
    await b.until("has the text", async () => (await held(b, orderId))?.body !== null);
    expect(await held(b, orderId)).toMatchObject({ owed: false, differs: null });
    await expect(
      b.core.orders.acknowledge(orderId, { choice: UNREADABLE, done: 0, answer: null }),
    ).rejects.toMatchObject({ code: "message_invalid" });
    await b.core.orders.acknowledge(orderId, { choice: 1, done: 0, answer: null });
    await b.until("counts", () => Promise.resolve(counted(orderId, b)?.choice === 1));
    keys.sealFor = sealFor;
  });
});
