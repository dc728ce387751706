/**
 * A server that lies, alone or together with the CA's and the roster authority's keys
 * (docs/threat-model.md): what it gets is nothing, and what it does is shown or refused.
 */
import { inEnglish } from "#core/names.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { copy } from "#core/octets.ts";
import { ConversationKeyFormat } from "#core/keys/conversation-key.ts";
import { idOf, type ConversationId, type DeviceId, type KeyId, type PersonId } from "#core/ids.ts";
import { newest } from "../memory/rosters.ts";
import type { MemberState } from "../memory/state.ts";
import type {
  Conversation,
  LogEntry,
  LogPage,
  People,
  PersonTrust,
  PeopleTrust,
  ServerFrame,
} from "#core/wire.ts";
import { Insider } from "../support/insider.ts";
import type { Officer } from "../support/officer.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;

let world: World;
let a: Officer;
let b: Officer;
let id: ConversationId;

async function begin(policy: "none" | "approval"): Promise<void> {
  world = await World.make({ people: 2, policy });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
  ({ conversationId: id } = await a.core.conversations.openDirect(b.person));
  await a.text(id, "before");
  await b.receives(id, "before");
}

afterEach(async () => {
  await world.close();
  await world.server.close();
});

/** Texts that both sides say to each other arrive. */
async function goesOn(text = "after"): Promise<void> {
  await a.text(id, `${text}, by a`);
  await b.receives(id, `${text}, by a`);
  await b.text(id, `${text}, by b`);
  await a.receives(id, `${text}, by b`);
}

async function noticesOf(officer: Officer): Promise<readonly string[]> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  return messages.flatMap(({ body }) => (body.kind === "notice" ? [body.notice.kind] : []));
}

describe.each(["none", "approval"] as const)("under policy %s, a ghost", (policy) => {
  beforeEach(() => begin(policy), LIMIT_MS);

  it("listed with the keys of CA and roster authority gets nothing, and is shown (E0, E1)", async () => {
    const { server } = world;
    const ghost = await Insider.register(server, 1);
    const { device } = ghost.signer;
    server.judge.pretends = (one) => one === device;
    await server.inTurn(() => server.devicesChanged(b.person));
    await ghost.connect();
    const conversation = server.conversation(id);
    expect(newest(conversation).leaves.has(device)).toBe(true);
    await goesOn();
    // The newest key, and that of before, have no seal for it; asked for, nobody shares them.
    for (const key of conversation.keys) expect(key.covered.has(device)).toBe(false);
    const references = conversation.keys.map(({ keyId }) => ({
      ...{ kind: 1 as const, reference: keyId.slice(0, 32) },
    }));
    await ghost.api.requestShares(id, { references });
    await server.inTurn(() => server.asking.round());
    await goesOn("later");
    expect(conversation.shares.get(device) ?? []).toHaveLength(0);
    expect(ghost.pushed("share")).toHaveLength(0);
    await a.until(
      "shown",
      async () => (await a.core.conversations.encryption(id)).unconfirmed.length > 0,
    );
    await server.kill();
    expect(
      (await a.core.conversations.encryption(id)).unconfirmed.map(({ personId }) => personId),
    ).toEqual([b.person]);
    await server.serve();
  });

  it("does not speak as its person", async () => {
    const { server } = world;
    const ghost = await Insider.register(server, 1);
    server.judge.pretends = (one) => one === ghost.signer.device;
    await server.inTurn(() => server.devicesChanged(b.person));
    server.log.takesAnything = true;
    const key = { record: ghostRecord(), secret: new Uint8Array(32) };
    await ghost.post(id, await ghost.message(id, key, new Uint8Array(20)));
    server.log.takesAnything = false;
    await goesOn();
    await a.until("refused", async () => (await a.core.conversations.encryption(id)).refused > 0);
    expect(await a.texts(id)).toEqual(["before", "after, by a", "after, by b"]);

    /** A record of the log's newest key: the ghost names a key that is known. */
    function ghostRecord() {
      const stored = server.conversation(id).keys[0];
      if (stored === undefined) throw new Error("no key");
      return ConversationKeyFormat.parse(stored.record);
    }
  });
});

describe("a third person whom the roster authority lists in a direct chat (R10)", () => {
  beforeEach(() => begin("none"), LIMIT_MS);

  /** List somebody from now on, with everything to read. */
  async function list(person: PersonId): Promise<void> {
    const { server } = world;
    const { members } = server.conversation(id);
    const like = members.get(a.person) as MemberState;
    members.set(person, { ...like, historyFromMs: 0, removedMs: null });
    await server.inTurn(() => server.devicesChanged(person));
  }

  it("is sealed to and given shares by nobody, makes no key, and raises an alarm", async () => {
    const { server } = world;
    const third = await Insider.register(server, 2);
    const { device } = third.signer;
    await third.connect();
    await list(third.personId);
    const conversation = server.conversation(id);
    expect(newest(conversation).leaves.has(device)).toBe(true);
    const { record } = await third.makeKey(id);
    const theirs = idOf<KeyId>(record.hash);
    await goesOn();
    const used = conversation.log.slice(-2).map(({ keyId }) => keyId);
    expect(used).not.toContain(theirs);
    for (const key of conversation.keys)
      expect(key.keyId === theirs || !key.covered.has(device)).toBe(true);
    const references = conversation.keys.map(({ keyId }) => ({
      ...{ kind: 1 as const, reference: keyId.slice(0, 32) },
    }));
    await third.api.requestShares(id, { references });
    await server.inTurn(() => server.asking.round());
    await goesOn("later");
    expect(conversation.shares.get(device) ?? []).toHaveLength(0);
    for (const one of [a, b])
      await one.until(
        "alarm",
        async () => (await one.core.conversations.get(id)).alarm === "third_person",
      );
    expect(await a.core.conversations.get(id)).toMatchObject({ kind: "direct", canSend: true });
  });

  it("gets nothing by a cell's key from a device to which the server never called it direct", async () => {
    await world.close();
    await world.server.close();
    world = await World.make({ people: 2, policy: "none", cellSize: 1 });
    [a, b] = [world.officer("Asha"), world.officer("Balu")];
    const { server } = world;
    world.network(b).rewrite = (path, body) =>
      /\/conversations\/[0-9a-f]{32}$/u.test(path)
        ? { ...(body as Conversation), kind: "group", directPersonId: null }
        : body;
    ({ conversationId: id } = await a.core.conversations.openDirect(b.person));
    await b.ready(id);
    const third = await Insider.register(server, 2);
    await third.connect();
    await list(third.personId);
    const conversation = server.conversation(id);
    // The third's cell has its own key, to which a device that trusts cells seals.
    await server.inTurn(() => server.asking.round());
    const wanted = await a.until("asked", () =>
      Promise.resolve(third.pushed("cell_key_wanted").at(-1)),
    );
    await third.makeCellKey(id, wanted, [third.personId]);
    const cells = () => new Set(conversation.cellKeys.map(({ cell }) => cell)).size;
    await a.until("every cell has a key", async () => {
      await server.inTurn(() => server.asking.round());
      return cells() === 3;
    });
    const before = conversation.log.length;
    await b.text(id, "for a alone");
    await b.until(
      "alarm",
      async () => (await b.core.conversations.get(id)).alarm === "third_person",
    );
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect(conversation.log).toHaveLength(before);
    for (const { covered } of conversation.keys)
      expect(covered.has(third.signer.device)).toBe(false);
    expect(await b.core.conversations.get(id)).toMatchObject({ kind: "direct", empty: false });
  });

  it("says nothing that the two are shown", async () => {
    const third = await Insider.register(world.server, 2);
    await list(third.personId);
    const key = await third.makeKey(id);
    await third.post(id, await third.message(id, key, new Uint8Array(20)));
    await a.until("refused", async () => (await a.core.conversations.encryption(id)).refused > 0);
    await goesOn();
    expect(await a.texts(id)).toEqual(["before", "after, by a", "after, by b"]);
  });

  it("gets nothing where the server calls the chat a group and lists the other no more", async () => {
    const { server } = world;
    const third = await Insider.register(server, 2);
    const conversation = server.conversation(id);
    const other = conversation.members.get(b.person) as MemberState;
    other.removedMs = server.now();
    world.network(a).rewrite = (path, body) =>
      path.endsWith(`/conversations/${id}`)
        ? { ...(body as Conversation), kind: "group", directPersonId: null }
        : body;
    await list(third.personId);
    expect(newest(conversation).leaves.has(await b.device())).toBe(false);
    await a.core.app.networkChanged(false);
    await a.core.app.networkChanged(true);
    await a.text(id, "for b alone");
    await a.until("posted", async () => (await a.core.app.state()).outbox === 0);
    const last = conversation.log.at(-1);
    const key = conversation.keys.find(({ keyId }) => keyId === last?.keyId);
    expect(key?.epoch).toBe(conversation.epoch);
    expect(key?.covered.has(third.signer.device)).toBe(false);
  });
});

describe("names", () => {
  beforeEach(() => begin("none"), LIMIT_MS);

  it("come from signed cards: the server's plain word changes no plate", async () => {
    const network = world.network(a);
    network.rewrite = (path, body) => {
      if (!path.startsWith("/v1/people") || path.endsWith("/trust")) return body;
      const page = body as People;
      const names = inEnglish("Commissioner of Police");
      return { ...page, people: page.people.map((one) => ({ ...one, names })) };
    };
    await a.restart();
    const item = await a.core.conversations.get(id);
    expect(item.direct?.names.en).toBe("Officer B1");
  });

  it("of a wrongly signed card are refused", async () => {
    const person = await world.server.people.person(b.person);
    await world.server.people.addCard(person, { name: "Commissioner of Police" });
    person.cards.push(flipped(person.cards.pop() as Uint8Array));
    await goesOn();
    const item = await a.core.conversations.get(id);
    expect(item.direct?.names.en).toBe("Officer B1");
  });
});

describe("the log", () => {
  beforeEach(() => begin("none"), LIMIT_MS);

  /** Change what is pushed to one device. */
  function pushTo(
    officer: Officer,
    change: (frame: ServerFrame) => readonly ServerFrame[],
  ): Promise<void> {
    return officer.device().then((device) => {
      world.server.live.pushes = (to, frame) => (to === device ? change(frame) : [frame]);
    });
  }

  it("whose entries are held back and reordered is shown once each (R5)", async () => {
    let held: ServerFrame | null = null;
    await pushTo(b, (frame) => {
      if (frame.t !== "entry") return [frame];
      if (held === null) {
        held = frame;
        return [];
      }
      const [before, now] = [held, frame];
      held = null;
      return [now, before];
    });
    for (const text of ["one", "two", "three", "four"]) await a.text(id, text);
    for (const text of ["one", "two", "three", "four"]) await b.receives(id, text);
    await world.settle();
    expect(await b.texts(id)).toEqual(["before", "one", "two", "three", "four"]);
  });

  it("whose entries are pushed twice, and pushed bent, is shown once each (R3)", async () => {
    await pushTo(b, (frame) => {
      if (frame.t !== "entry") return [frame];
      const bent = { ...frame, entry: { ...frame.entry, message: flipped(frame.entry.message) } };
      return [frame, bent, frame];
    });
    await goesOn();
    await world.settle();
    expect(await b.texts(id)).toEqual(["before", "after, by a", "after, by b"]);
  });

  it("that lacks somebody's first messages shows a gap (R5)", async () => {
    const c = await world.join();
    const group = await a.core.conversations.createGroup({
      ...{ title: "Beat 9", personIds: [b.person, c.person], photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    });
    ({ conversationId: id } = group);
    for (const one of [b, c]) await one.ready(id);
    // The first message is the group's name, by a. b is not shown what c says first.
    const withheld = (entry: LogEntry): readonly LogEntry[] => {
      if (entry.seq <= 1) return [entry];
      return entry.seq <= 2 ? [] : [{ ...entry, seq: entry.seq - 1 }];
    };
    await pushTo(b, (frame) => {
      if (frame.t !== "entry" || frame.entry.conversationId !== id) return [frame];
      return withheld(frame.entry).map((entry) => ({ ...frame, entry }));
    });
    world.network(b).rewrite = (path, body) => {
      if (!path.endsWith("/log") || !path.includes(id)) return body;
      const page = body as LogPage;
      const lastSeq = Math.max(page.lastSeq - 1, 1);
      return { ...page, entries: page.entries.flatMap(withheld), lastSeq };
    };
    await c.text(id, "withheld from b");
    await a.receives(id, "withheld from b");
    await c.text(id, "shown to b");
    await b.receives(id, "shown to b");
    expect(await noticesOf(b)).toContain("gap");
  });

  it("that is another for somebody else is seen in the next header that crosses (R4)", async () => {
    const { server } = world;
    const hidden = server.conversation(id).log.length + 1;
    // From now on, b is shown everything but one message, with positions that count on without it.
    const fork = (entry: LogEntry): readonly LogEntry[] => {
      if (entry.seq < hidden) return [entry];
      return entry.seq === hidden ? [] : [{ ...entry, seq: entry.seq - 1 }];
    };
    await pushTo(b, (frame) => {
      if (frame.t !== "entry") return [frame];
      return fork(frame.entry).map((entry) => ({ ...frame, entry }));
    });
    world.network(b).rewrite = (path, body) => {
      if (!path.endsWith("/log")) return body;
      const page = body as LogPage;
      const lastSeq = Math.max(page.lastSeq - 1, hidden - 1);
      return { ...page, entries: page.entries.flatMap(fork), lastSeq };
    };
    await a.text(id, "hidden from b");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    await a.text(id, "seen by both");
    await b.receives(id, "seen by both");
    await b.until(
      "alarm",
      async () => (await b.core.conversations.get(id)).alarm === "log_differs",
    );
    expect(await noticesOf(b)).toContain("log_differs");
  });
});

describe("keys", () => {
  beforeEach(() => begin("none"), LIMIT_MS);

  it("of small order are sealed to by nobody, and hold nobody up (S3)", async () => {
    const c = await world.join();
    const device = await c.device();
    world.network(a).rewrite = (path, body) => {
      if (!path.endsWith("/people/trust")) return body;
      const { people, untold } = body as PeopleTrust;
      return { people: people.map((one) => (one.personId === c.person ? bent(one) : one)), untold };
    };
    const { conversationId: group } = await a.core.conversations.createGroup({
      ...{ title: "Three", personIds: [b.person, c.person], photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    });
    await a.text(group, "to whom it reaches");
    await b.receives(group, "to whom it reaches");
    const [key] = world.server.conversation(group).keys;
    expect(key?.covered.has(device as DeviceId)).toBe(false);
    // c asks for a share; b, whom the server sends the true records, gives it.
    await c.receives(group, "to whom it reaches");

    function bent(one: PersonTrust): PersonTrust {
      return { ...one, keys: one.keys.map(flipped) };
    }
  });

  it("of before a removal are not used again, however often they are handed out (S2)", async () => {
    const c = await world.join();
    const { conversationId: group } = await a.core.conversations.createGroup({
      ...{ title: "Three", personIds: [b.person, c.person], photo: null },
      ...{ whoMaySend: "everyone", history: "none" },
    });
    await a.text(group, "to three");
    await b.receives(group, "to three");
    let old: unknown = null;
    world.network(b).rewrite = (path, body) => {
      if (!path.endsWith(`/conversations/${group}/keys`)) return body;
      old ??= body;
      return old;
    };
    await b.core.messages.page(group, null, 1);
    // b has to make the next key: one that a made would be kept from b for ever.
    world.network(a).refuse = (path, method) =>
      method === "POST" && path.endsWith(`/conversations/${group}/keys`) ? "rekeying" : null;
    await a.core.members.change(group, { remove: [c.person] });
    await b.text(group, "to two");
    await a.receives(group, "to two");
    const conversation = world.server.conversation(group);
    const { rekeyEpoch } = newest(conversation).head;
    const last = conversation.log.at(-1);
    const used = conversation.keys.find(({ keyId }) => keyId === last?.keyId);
    expect(used?.epoch).toBeGreaterThanOrEqual(rekeyEpoch);
  });
});

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = copy(bytes);
  const at = changed.length - 1;
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
