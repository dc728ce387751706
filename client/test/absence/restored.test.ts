/**
 * A server that went back to a backup: the roster authority signs an Incarnation, and devices accept
 * it, send again those of their messages that the log lost, and continue. No device is stuck.
 * Without an Incarnation they send nothing again and stand still (S8).
 */
import type { OutgoingAttachment } from "#core/core.ts";
import type { ConversationId, MessageId } from "#core/ids.ts";
import { oneselfId } from "#core/conversation/parties.ts";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HeaderFormat, SIGNED_HEADER_BYTES } from "#core/keys/message.ts";
import type { Trust } from "#core/wire.ts";
import type { Officer } from "../support/officer.ts";
import { World } from "../support/world.ts";

const LIMIT_MS = 60_000;
/** Long enough for a message that is accepted to come. */
const IN_VAIN_MS = 2_500;

let world: World;
let a: Officer;
let b: Officer;
let id: ConversationId;

beforeEach(async () => {
  world = await World.make({ people: 2 });
  [a, b] = [world.officer("Asha"), world.officer("Balu")];
  ({ conversationId: id } = await a.core.conversations.openDirect(b.person));
  await a.text(id, "in the backup");
  await b.receives(id, "in the backup");
}, LIMIT_MS);

afterEach(async () => {
  await world.close();
  await world.server.close();
});

/** Make a group of a and these officers whose newcomers read nothing of before; all follow it. */
async function nightDuty(...officers: readonly Officer[]): Promise<ConversationId> {
  const { conversationId } = await a.core.conversations.createGroup({
    ...{ title: "Night duty", photo: null, whoMaySend: "everyone", history: "none" },
    personIds: officers.map(({ person }) => person),
  });
  for (const one of officers) await one.ready(conversationId);
  await world.settle();
  return conversationId;
}

async function reactions(officer: Officer, messageId: MessageId): Promise<string> {
  const { messages } = await officer.core.messages.page(id, null, 50);
  const found = messages.find((one) => one.messageId === messageId)?.reactions ?? [];
  return found.map(({ emoji }) => emoji).join(" ");
}

/** How often each text is in the server's log, by what the devices know of their messages. */
async function logged(): Promise<readonly string[]> {
  const { messages } = await a.core.messages.page(id, null, 50);
  const texts = new Map(
    messages.flatMap(({ messageId, body }) =>
      body.kind === "text" ? [[messageId, body.text] as const] : [],
    ),
  );
  return world.server.conversation(id).log.map(({ messageId }) => texts.get(messageId) ?? "?");
}

describe("after a restored backup", { timeout: LIMIT_MS }, () => {
  it("both continue talking", async () => {
    const backup = world.server.backup();
    await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b");
    await world.server.restore(backup);
    await a.text(id, "after, by a");
    await b.receives(id, "after, by a");
    await b.text(id, "after, by b");
    await a.receives(id, "after, by b");
  });

  it("what the log lost is sent again, once, and shown once", async () => {
    const backup = world.server.backup();
    await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b");
    await a.text(id, "lost, by a");
    await b.receives(id, "lost, by a");
    await world.server.restore(backup);
    await a.until("sent again", async () => {
      const texts = await logged();
      return texts.includes("lost, by a") && texts.includes("lost, by b");
    });
    await a.text(id, "after");
    await b.receives(id, "after");
    expect([...(await logged())].sort()).toEqual(
      ["after", "in the backup", "lost, by a", "lost, by b"].sort(),
    );
    for (const officer of [a, b])
      expect([...(await officer.texts(id))].sort()).toEqual([...(await logged())].sort());
  });

  it("edits and reactions that the log lost are gone for everybody, and new ones count", async () => {
    const { messages } = await b.core.messages.page(id, null, 50);
    const messageId = messages.at(-1)?.messageId as MessageId;
    const backup = world.server.backup();
    await a.text(id, "lost");
    await b.receives(id, "lost");
    await a.core.messages.edit(id, messageId, "edited", []);
    await b.receives(id, "edited");
    await b.core.messages.react(id, messageId, "👍");
    await a.until("the reaction", async () => (await reactions(a, messageId)) === "👍");
    await world.server.restore(backup);
    for (const one of [a, b]) {
      await one.receives(id, "in the backup");
      expect(await one.texts(id)).not.toContain("edited");
    }
    await a.core.messages.edit(id, messageId, "edited again", []);
    await b.core.messages.react(id, messageId, "✅");
    for (const one of [a, b]) {
      await one.receives(id, "edited again");
      await one.until("✅", async () => (await reactions(one, messageId)) === "✅");
    }
  });

  it("pins that the log lost are gone for everybody, and what they replaced is back", async () => {
    const { messages } = await b.core.messages.page(id, null, 50);
    const messageId = messages.at(-1)?.messageId as MessageId;
    const pinned = async (officer: Officer): Promise<boolean> =>
      (await officer.core.messages.pinned(id)).length > 0;
    await a.core.messages.pin(id, messageId, true);
    await b.until("pinned", () => pinned(b));
    const backup = world.server.backup();
    await b.core.messages.pin(id, messageId, false);
    await a.until("taken down", async () => !(await pinned(a)));
    await b.until("sent", async () => (await b.core.app.state()).outbox === 0);
    await world.server.restore(backup);
    for (const one of [a, b]) await one.until("pinned again", () => pinned(one));
    await b.core.messages.pin(id, messageId, false);
    for (const one of [a, b]) await one.until("taken down", async () => !(await pinned(one)));
  });

  it("a photo goes out again with its file, which the backup lacks", async () => {
    const backup = world.server.backup();
    const file = new Blob([new Uint8Array(300_000).fill(7)], { type: "image/jpeg" });
    const photo: OutgoingAttachment = {
      ...{ kind: "image", file, name: "gate.jpg", mime: "image/jpeg", width: 40, height: 30 },
    };
    const content = { kind: "attachments" as const, text: "", mentions: [], attachments: [photo] };
    const { messageId } = await a.core.messages.send(id, content, null);
    const attachmentOf = async (officer: Officer) => {
      const { messages } = await officer.core.messages.page(id, null, 50);
      const body = messages.find((one) => one.messageId === messageId)?.body;
      return body?.kind === "attachments" ? (body.attachments[0]?.attachmentId ?? false) : false;
    };
    const attachmentId = await b.until("there", () => attachmentOf(b));
    await world.server.restore(backup);
    await a.until("sent again", () =>
      Promise.resolve(world.server.conversation(id).log.some((one) => one.messageId === messageId)),
    );
    // b had not fetched it before.
    expect((await b.core.attachments.get(attachmentId, null)).size).toBe(300_000);
  });

  it("S7 a server that hides a device's chain does not make it begin anew", async () => {
    await a.text(id, "second, in the backup");
    await b.receives(id, "second, in the backup");
    const backup = world.server.backup();
    await a.text(id, "lost");
    await b.receives(id, "lost");
    // Another conversation's header, then none.
    const other = await a.core.conversations.createGroup({
      ...{ title: "Night duty", photo: null, whoMaySend: "everyone", history: "none" },
      personIds: [b.person],
    });
    await a.text(other.conversationId, "elsewhere");
    await b.receives(other.conversationId, "elsewhere");
    const { chains } = world.server.conversation(other.conversationId);
    const elsewhere = chains.get(await a.device())?.header ?? null;
    let answers = 0;
    world.network(a).rewrite = (path, body) => {
      if (!path.endsWith("/chain") || !path.includes(id)) return body;
      return { header: answers++ % 2 === 0 ? elsewhere : null };
    };
    await world.server.restore(backup);
    await a.until("asked for its chain", () => Promise.resolve(answers > 0));
    await a.text(id, "after");
    await b.receives(id, "after");
    const seqs = world.server
      .conversation(id)
      .log.filter(({ personId }) => personId === a.person)
      .map(({ entry }) => HeaderFormat.parse(entry.message.subarray(0, SIGNED_HEADER_BYTES)).seq);
    expect(seqs).toEqual([1, 2, 3, 4]);
  });

  it("a device that was away continues too", async () => {
    const backup = world.server.backup();
    await b.core.close();
    await a.text(id, "lost while b was away");
    await a.until("sent", async () => (await a.core.app.state()).outbox === 0);
    await world.server.restore(backup);
    await b.restart();
    await b.receives(id, "lost while b was away");
    await b.text(id, "back");
    await a.receives(id, "back");
  });

  it("a message that its phone never saw in the log goes out again", async () => {
    const backup = world.server.backup();
    const device = await a.device();
    world.server.live.pushes = (to, frame) => (to === device && frame.t === "entry" ? [] : [frame]);
    await a.text(id, "unseen");
    await b.receives(id, "unseen");
    await a.until("posted", async () => (await a.core.app.state()).outbox === 0);
    await world.server.restore(backup);
    world.server.live.pushes = (_, frame) => [frame];
    await a.until("sent again", async () => (await logged()).includes("unseen"));
  });

  it("continues after the same backup was restored twice", async () => {
    const backup = world.server.backup();
    for (const time of ["first", "second"]) {
      await world.server.restore(backup);
      await a.text(id, `by a, ${time}`);
      await b.receives(id, `by a, ${time}`);
      await b.text(id, `by b, ${time}`);
      await a.receives(id, `by b, ${time}`);
    }
    await a.until("sent again", async () => (await logged()).length === 5);
    expect(new Set(await logged()).size).toBe(5);
  });

  it("S8 what may have been removed or begins later is asked, not sent again", async () => {
    const [c, d] = [await world.join(), await world.join()];
    const group = await nightDuty(b, c);
    const backup = world.server.backup();
    await a.core.members.change(group, { remove: [c.person] });
    const secret = await b.text(group, "not for c");
    await a.receives(group, "not for c");
    await b.core.close();
    await world.server.restore(backup);
    await b.restart();
    await b.until("asked", async () => (await b.status(secret.messageId, group)) === "failed");
    const posted = (): readonly string[] =>
      world.server.conversation(group).log.map(({ messageId }) => messageId);
    expect(posted()).not.toContain(secret.messageId);

    // The same with a newcomer alone: the backup knows everything else.
    const second = world.server.backup();
    const older = await b.text(group, "before d");
    await a.receives(group, "before d");
    await b.core.close();
    await world.server.restore(second);
    await a.core.members.change(group, { add: [d.person] });
    await d.ready(group);
    await b.restart();
    await b.until("asked", async () => (await b.status(older.messageId, group)) === "failed");
    await a.text(group, "after");
    for (const one of [b, d]) await one.receives(group, "after");
    expect(await d.texts(group)).toEqual(["after"]);
    expect(posted()).not.toContain(older.messageId);
    // Its author decides.
    await b.core.messages.retry(older.messageId);
    await d.receives(group, "before d");
  });

  it("S8 a removal that an older, second backup forgot is asked about", async () => {
    const c = await world.join();
    const group = await nightDuty(b, c);
    const older = world.server.backup();
    await b.core.close();
    await a.core.members.change(group, { remove: [c.person] });
    await world.server.restore(world.server.backup());
    await b.restart();
    const secret = await b.text(group, "not for c");
    await a.receives(group, "not for c");
    await b.core.close();
    await world.server.restore(older);
    await b.restart();
    await b.until("asked", async () => (await b.status(secret.messageId, group)) === "failed");
  });

  it("S8 a removal that a backup forgot is asked about under the next Incarnation too", async () => {
    const c = await world.join();
    const group = await nightDuty(b, c);
    const backup = world.server.backup();
    await a.core.members.change(group, { remove: [c.person] });
    const secret = await b.text(group, "not for c");
    await a.receives(group, "not for c");
    await b.core.close();
    // The server shows the new head, and not that a backup was restored.
    await world.server.restore(backup);
    world.network(b).rewrite = (path, body) =>
      path.includes("/trust") ? { ...(body as Trust), incarnation: null } : body;
    await b.restart();
    await b.until(
      "stands still",
      async () => (await b.core.conversations.get(group)).alarm !== null,
    );
    await b.core.close();
    await world.server.restore(world.server.backup());
    world.network(b).rewrite = null;
    await b.restart();
    await b.until("asked", async () => (await b.status(secret.messageId, group)) === "failed");
  });

  it("S8 a newcomer who is added after the phone went back reads nothing of before", async () => {
    const d = await world.join();
    const group = await nightDuty(b);
    const backup = world.server.backup();
    const older = await b.text(group, "before d");
    await a.receives(group, "before d");
    await b.core.close();
    await world.server.restore(backup);
    // The phone goes back and signs it again, and has no network when it sends it.
    const release = world.network(b).hold(/\/messages$/u);
    await b.restart();
    await b.until("signed again", async () => (await b.core.app.state()).outbox === 1);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await a.core.members.change(group, { add: [d.person] });
    await d.ready(group);
    release();
    await b.until("asked", async () => (await b.status(older.messageId, group)) === "failed");
    await a.text(group, "after");
    for (const one of [b, d]) await one.receives(group, "after");
    expect(await d.texts(group)).toEqual(["after"]);
  });
});

describe("without an Incarnation", { timeout: LIMIT_MS }, () => {
  async function alarmOf(officer: Officer): Promise<string | null> {
    return (await officer.core.conversations.get(id)).alarm;
  }

  async function standStill(): Promise<void> {
    for (const one of [a, b])
      await one.until("alarm", async () => (await alarmOf(one)) === "log_lost");
  }

  it("S8 a shorter log of personal items raises the app's alarm, though no screen shows it", async () => {
    const { server } = world;
    const items = (): number =>
      server.state.conversations.get(oneselfId(a.person))?.log.length ?? 0;
    await a.core.oneself.pin(id, true);
    await a.until("one", () => Promise.resolve(items() === 1));
    const shorter = server.backup();
    await a.core.oneself.pin(id, false);
    await a.until("two", () => Promise.resolve(items() === 2));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const whole = server.backup();
    const told = (alarm: boolean) =>
      a.until("told", () => {
        const states = a.events.flatMap((event) => (event.type === "app" ? [event.state] : []));
        return Promise.resolve(states.at(-1)?.ownAlarm === alarm);
      });
    await server.rollBack(shorter);
    await told(true);
    await server.rollBack(whole);
    await told(false);
  });

  it("S8 a shorter log makes nobody send again, and ends when it is whole again", async () => {
    const shorter = world.server.backup();
    await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b");
    const whole = world.server.backup();
    await world.server.rollBack(shorter);
    await standStill();
    const waiting = await a.text(id, "waits");
    await new Promise((resolve) => setTimeout(resolve, IN_VAIN_MS));
    expect(await logged()).toEqual(["in the backup"]);
    expect(await a.status(waiting.messageId, id)).toBe("queued");
    await world.server.rollBack(whole);
    await b.receives(id, "waits");
    expect(await logged()).toEqual(["in the backup", "lost, by b", "waits"]);
    for (const one of [a, b]) expect(await alarmOf(one)).toBeNull();
  });

  it("S8 an old one serves once", async () => {
    const backup = world.server.backup();
    await b.text(id, "lost, by b");
    await a.receives(id, "lost, by b");
    await world.server.restore(backup);
    const restored = world.server.backup();
    await a.until("sent again", async () => (await logged()).includes("lost, by b"));
    // A device that has not seen the Incarnation yet goes back to this log without an alarm.
    await b.text(id, "after");
    await a.receives(id, "after");
    await world.settle();
    await world.server.rollBack(restored);
    await standStill();
    await new Promise((resolve) => setTimeout(resolve, IN_VAIN_MS));
    expect(await logged()).toEqual(["in the backup"]);
  });
});
