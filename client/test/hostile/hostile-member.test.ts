/**
 * An insider: a listed, confirmed device of a member that breaks the rules (docs/threat-model.md). It
 * fools nobody and holds nobody up; what it seals or sends wrongly is mended by others or left out.
 */
import { encode } from "@msgpack/msgpack";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromHex, randomBytes, utf8 } from "#core/octets.ts";
import { encodeContent } from "#core/kinds/content.ts";
import { blankOrder, type OutgoingOrder } from "#core/kinds/order.ts";
import { ConversationKeyFormat } from "#core/keys/conversation-key.ts";
import { idOf, type ConversationId, type DeviceId, type KeyId } from "#core/ids.ts";
import { Insider } from "../support/insider.ts";
import type { Officer } from "../support/officer.ts";
import { compareDigits } from "../support/scenarios.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World;
let insider: Insider;
let a: Officer;
let b: Officer;
let id: ConversationId;

beforeEach(async () => {
  world = await World.make({ people: 2 });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
  insider = await Insider.register(world.server, 50);
  await insider.connect();
  ({ conversationId: id } = await a.core.conversations.createGroup({
    ...{ title: "Beat 9", personIds: [b.person, insider.personId], photo: null },
    ...{ whoMaySend: "everyone", history: "none" },
  }));
  await b.ready(id);
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

async function goesOn(text = "on duty"): Promise<void> {
  await a.text(id, `${text}, by a`);
  await b.receives(id, `${text}, by a`);
  await b.text(id, `${text}, by b`);
  await a.receives(id, `${text}, by b`);
}

function said(text: string): Uint8Array {
  return encodeContent({ kind: "text", text, mentions: [], replyTo: null, forwards: 0 });
}

async function refusedAt(officer: Officer): Promise<void> {
  await officer.until(
    "refused",
    async () => (await officer.core.conversations.encryption(id)).refused > 0,
  );
}

describe("an insider's conversation key", { timeout: LIMIT_MS }, () => {
  it("with rubbish in its seals holds nobody up (S2)", async () => {
    await insider.makeKey(id, { sealed: randomBytes(32) });
    await goesOn();
  });

  it("that leaves everybody out holds nobody up (S2)", async () => {
    const leftOut = [await a.device(), await b.device()];
    await insider.makeKey(id, { leftOut });
    await goesOn();
  });

  it("that is good serves as any other", async () => {
    await insider.makeKey(id);
    await goesOn();
    expect(world.server.conversation(id).keys).toHaveLength(1);
  });
});

describe("an insider's message", { timeout: LIMIT_MS }, () => {
  it("under a key that it shares with nobody waits, and holds back nothing else (R9)", async () => {
    const key = await insider.makeKey(id, { sealed: randomBytes(32) });
    await insider.post(id, await insider.message(id, key, randomBytes(64)));
    await goesOn();
    await a.until("waits", async () => (await a.core.conversations.encryption(id)).waiting === 1);
    expect(await a.texts(id)).toEqual(["on duty, by a", "on duty, by b"]);
  });

  it("O3 written as an order is a plain message without the right", async () => {
    const { server } = world;
    server.orders.mayIssue = (personId) => personId === a.person;
    await server.inTurn(() => server.devicesChanged(insider.personId));
    await b.core.conversations.setPreferences(id, { mutedUntilMs: -1 });
    const key = await insider.makeKey(id);
    const order: OutgoingOrder = {
      ...{ ...blankOrder("en"), priority: "flash" },
      ...{ title: "All units", text: "Report to the gate", reference: "7" },
    };
    // Without the terms in the clear, the server takes it for a text.
    await insider.post(id, await insider.message(id, key, encode({ v: 1, ...order })));
    await b.receives(id, "All units\nReport to the gate\n7");
    const { messages } = await b.core.messages.page(id, null, 50);
    expect(messages.at(-1)).toMatchObject({ notOrder: true, body: { kind: "text" } });
    expect((await b.core.orders.page({ box: "all" })).orders).toEqual([]);
    expect(b.events.filter(({ type }) => type === "notify")).toEqual([]);
    // The same of somebody who may issue is an order.
    await a.core.messages.send(id, order, null);
    await b.until(
      "an order",
      async () => (await b.core.orders.page({ box: "open" })).orders.length === 1,
    );
    await b.until("sounds", () => Promise.resolve(b.events.some(({ type }) => type === "notify")));
  });

  it("of rubbish is not shown (R7)", async () => {
    const key = await insider.makeKey(id);
    await insider.post(id, await insider.message(id, key, randomBytes(64)));
    await goesOn();
    expect(await b.texts(id)).toEqual(["on duty, by a", "on duty, by b"]);
  });

  it("in another's name is refused (R3)", async () => {
    await goesOn("before");
    const key = await insider.makeKey(id).catch(() => null);
    world.server.log.takesAnything = true;
    const sender = Uint8Array.from(Buffer.from(await b.device(), "hex"));
    const made = key ?? { record: newestRecord(), secret: randomBytes(32) };
    const forged = await insider.message(id, made, utf8("as b"), { sender, seq: 2 });
    await insider.post(id, forged);
    world.server.log.takesAnything = false;
    await goesOn("afterwards");
    await refusedAt(a);
    expect(await a.texts(id)).not.toContain("as b");
  });

  it("that does not chain is refused, and the others continue (R5)", async () => {
    const key = await insider.makeKey(id);
    await insider.post(id, await insider.message(id, key, randomBytes(64)));
    world.server.log.takesAnything = true;
    const bent = { seq: 2, previous: randomBytes(32) };
    await insider.post(id, await insider.message(id, key, randomBytes(64), bent));
    world.server.log.takesAnything = false;
    await goesOn();
    await refusedAt(b);
  });

  it("that does not chain raises an alarm that everybody sees (R5)", async () => {
    const key = await insider.makeKey(id);
    await insider.post(id, await insider.message(id, key, said("first")));
    world.server.log.takesAnything = true;
    const bent = { seq: 2, previous: randomBytes(32) };
    await insider.post(id, await insider.message(id, key, said("second"), bent));
    world.server.log.takesAnything = false;
    await b.until("alarm", async () => (await b.core.conversations.get(id)).alarm === "forked");
    expect(await b.texts(id)).toEqual(["first"]);
    await goesOn();
  });

  it("with the id of another's message takes nobody's place (R5)", async () => {
    const key = await insider.makeKey(id);
    await goesOn("before");
    const { messages } = await a.core.messages.page(id, null, 50);
    const victim = messages.find(({ mine }) => mine);
    const message = fromHex(victim?.messageId ?? "");
    world.server.log.takesAnything = true;
    await insider.post(id, await insider.message(id, key, said("in its place"), { message }));
    world.server.log.takesAnything = false;
    for (const officer of [a, b]) {
      await refusedAt(officer);
      expect(await officer.texts(id)).toEqual(["before, by a", "before, by b"]);
      expect((await officer.core.conversations.get(id)).alarm).toBe("forked");
    }
    await goesOn();
  });

  it.each([
    ["as a later message", {}],
    ["as a further attempt", { seq: 1, attempt: 2, previous: new Uint8Array(32) }],
  ])("with other words under its own id, %s, changes nothing that was read (R5)", async (_, as) => {
    const key = await insider.makeKey(id);
    const message = randomBytes(16);
    await insider.post(id, await insider.message(id, key, said("open the gate"), { message }));
    await b.receives(id, "open the gate");
    world.server.log.takesAnything = true;
    const other = await insider.message(id, key, said("keep it shut"), { message, ...as });
    await insider.post(id, other);
    world.server.log.takesAnything = false;
    await b.until("alarm", async () => (await b.core.conversations.get(id)).alarm === "forked");
    expect(await b.texts(id)).toEqual(["open the gate"]);
    await goesOn();
  });

  it("with the id of a message that waits takes it back from nobody (S6)", async () => {
    const key = await insider.makeKey(id);
    await goesOn("before");
    world.network(a).refuse = (path, method) =>
      method === "POST" && path.endsWith("/messages") ? "overloaded" : null;
    const { messageId } = await a.core.messages.send(
      id,
      { kind: "text", text: "waits", mentions: [] },
      null,
    );
    world.server.log.takesAnything = true;
    const message = fromHex(messageId);
    await insider.post(id, await insider.message(id, key, said("waits"), { message }));
    world.server.log.takesAnything = false;
    await refusedAt(a);
    expect((await a.core.app.state()).outbox).toBe(1);
    expect(await a.texts(id)).toEqual(["before, by a", "before, by b", "waits"]);
  });

  it("as the state, without the right, changes no name (R2)", async () => {
    const key = await insider.makeKey(id);
    const title = await insider.message(id, key, utf8("not a state"));
    await expect(insider.post(id, title, true)).rejects.toMatchObject({ code: "not_admin" });
    world.server.log.takesAnything = true;
    await insider.post(id, title, true);
    world.server.log.takesAnything = false;
    await goesOn();
    await b.restart();
    expect((await b.core.conversations.get(id)).title).toBe("Beat 9");
  });
});

describe("an insider's records", { timeout: LIMIT_MS }, () => {
  it("are bounded: three keys a day beside those that are asked for (D2)", async () => {
    const tries = Array.from({ length: 6 }, () => ({ sealed: randomBytes(32) }));
    const codes: string[] = [];
    for (const options of tries)
      await insider.makeKey(id, options).then(
        () => codes.push("accepted"),
        (error: unknown) => codes.push((error as { code: string }).code),
      );
    // The author opens its own: a second one is one too many already.
    expect(codes[0]).toBe("accepted");
    expect(new Set(codes.slice(1))).toEqual(new Set(["have_key"]));
    await goesOn();
  });

  it("withheld from who asks are had from others (D4)", async () => {
    await goesOn();
    const second = await world.device(0);
    await compareDigits(a, second);
    await second.receives(id, "on duty, by b");
  });
});

describe("a newcomer and the server together", { timeout: LIMIT_MS }, () => {
  it("have no old key shared as a new one (S3)", async () => {
    const group = await a.core.conversations.createGroup({
      ...{ title: "Beat 10", personIds: [b.person], photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    });
    const { conversationId } = group;
    await a.text(conversationId, "before");
    await b.receives(conversationId, "before");
    await a.core.members.change(conversationId, { add: [insider.personId] });
    // Her record commits to the key that she may not have, and the server brings its seals with it.
    const stored = world.server.conversation(conversationId);
    const old = stored.keys.at(-1);
    if (old === undefined) throw new Error("no key");
    const head = await insider.head(conversationId);
    const record = await ConversationKeyFormat.sign(
      {
        ...{ conversation: head.conversation, author: insider.signer.deviceBytes },
        ...{ epoch: head.epoch, head: head.hash, created: world.server.now() },
        commit: ConversationKeyFormat.parse(old.record).commit,
      },
      insider.signer.keys.privateKey,
    );
    const keyId = idOf<KeyId>(record.hash);
    const author = idOf<DeviceId>(record.author);
    const pushed = { ...old, keyId, record: record.bytes, author, epoch: head.epoch };
    stored.keys.push(pushed);
    for (const device of [await a.device(), await b.device()]) {
      const client = world.server.people.clientOf(device);
      if (client === null) throw new Error("no client");
      const seal = world.server.keys.sealFor(stored, pushed, client);
      expect(seal).not.toBeNull();
      const said = { awaited: false, first: false };
      const frame = { t: "key", conversationId, record: record.bytes, seal, ...said } as const;
      world.server.live.push(device, frame);
    }
    await world.settle();
    const references = [{ kind: 1 as const, reference: keyId.slice(0, 32) }];
    await insider.api.requestShares(conversationId, { references });
    const asked = () => stored.shareAsks.get(author)?.asked.size ?? 0;
    await a.until("asked for it", () => Promise.resolve(asked() === 2));
    await a.text(conversationId, "afterwards");
    await b.receives(conversationId, "afterwards");
    await world.settle();
    expect((await insider.api.shares(conversationId)).shares).toEqual([]);
  });
});

function newestRecord() {
  const stored = world.server.conversation(id).keys.at(-1);
  if (stored === undefined) throw new Error("no key");
  return ConversationKeyFormat.parse(stored.record);
}
