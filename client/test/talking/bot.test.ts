/**
 * A device that a program runs: the events that reach its handlers, and the work that stays after a
 * restart.
 */
import "fake-indexeddb/auto";
import { WebSocket } from "ws";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BotCalls, type StoredAccount } from "#core/bot/calls.ts";
import type { ProgramFrame } from "#core/bot/frames.ts";
import type { MessageView } from "#core/bot/views.ts";
import { trim } from "#core/bot/handling.ts";
import type { Conversation } from "#core/conversation/conversation.ts";
import { newId, type ConversationId, type MessageId, type PersonId } from "#core/ids.ts";
import { encodeContent } from "#core/kinds/content.ts";
import { LOG_HASHES } from "#core/limits.ts";
import { putMessage } from "#core/conversation/messages.ts";
import { PROGRAM_STORES } from "#core/inbox/waiting.ts";
import { STORES, type MessageRecord } from "#core/records.ts";
import { SerialQueue } from "#core/serial-queue.ts";
import type { WebSocketMaker } from "#core/transport/socket.ts";
import { Vault } from "#core/vault/vault.ts";
import { numberOf } from "../support/people.ts";
import type { Officer, OfficersServer } from "../support/officer.ts";
import { memoryWorld } from "../support/world.ts";

const NEVER: StoredAccount = { account: null, connectedMs: Infinity };
const MINUTE_MS = 60_000;
const w = memoryWorld();

function saidBy({ content, mark }: MessageView): string {
  if (mark?.mark === "edit") return `edit: ${mark.text}`;
  if (mark?.mark === "reaction") return mark.emoji ?? "taken back";
  return mark === null ? (content as { readonly text: string }).text : mark.mark;
}

/** A bot with its own clock, and the texts and marks that it was handed, in their order. */
class Robot {
  readonly texts: string[] = [];
  /** Leaves everything waiting. */
  busy = false;
  readonly #work = new SerialQueue();
  person = "" as PersonId;
  aheadMs = 0;
  #calls: BotCalls;
  readonly #vaultName = `bot-${newId()}`;

  constructor() {
    this.#calls = this.#open();
  }

  get calls(): BotCalls {
    return this.#calls;
  }

  #open(): BotCalls {
    const { server } = w;
    return new BotCalls(
      {
        origin: server.origin,
        vaultName: this.#vaultName,
        fetch: server.fetch ?? fetch,
        WebSocket: server.WebSocket ?? (WebSocket as unknown as WebSocketMaker),
        now: () => Date.now() + this.aheadMs,
        monotonic: () => performance.now(),
        random: Math.random,
      },
      NEVER,
      (frame) => void this.#heard(frame),
    );
  }

  async #heard(frame: ProgramFrame): Promise<void> {
    if ("event" in frame && frame.event === "waiting" && !this.busy)
      await this.handle(frame.conversationId);
  }

  /** Handle all that waits. */
  handle(id: ConversationId): Promise<void> {
    return this.#work.run(async () => {
      for (;;) {
        const view = await this.#calls.next(id).catch(() => null);
        if (view === null) return;
        this.texts.push(saidBy(view));
        await this.#calls.settle(id, null);
      }
    });
  }

  /** Send a text, and wait until the server has it. */
  async say(id: ConversationId, text: string): Promise<MessageId> {
    const written = { kind: "text", text, mentions: [] } as const;
    const { messageId } = await this.#calls.send(id, written, null, null);
    await this.#calls.settled(id, messageId);
    return messageId;
  }

  async register(index: number): Promise<void> {
    const { core } = this.#calls;
    await core.app.start();
    const { challengeId } = await core.registration.requestCode(numberOf(index), "en");
    const server: OfficersServer = w.server;
    const step = await core.registration.submitCode(
      challengeId,
      await server.codeFor(numberOf(index)),
    );
    await core.app.register(step.ticket, "Bot");
    const { version } = await core.conduct.code("en");
    this.person = (await core.app.acceptConduct(version, "en")).me?.personId ?? this.person;
  }

  async restart(): Promise<void> {
    await this.#calls.close();
    this.#calls = this.#open();
    await this.#calls.start();
  }
}

async function groupWith(admin: Officer, robot: Robot, text: string): Promise<ConversationId> {
  const { conversationId } = await admin.core.conversations.createGroup({
    title: "Picket",
    personIds: [robot.person],
    ...{ photo: null, whoMaySend: "everyone", history: "30_days" },
  });
  await admin.ready(conversationId);
  await say(admin, conversationId, text);
  return conversationId;
}

async function say(admin: Officer, id: ConversationId, text: string): Promise<MessageId> {
  const { messageId } = await admin.text(id, text);
  await admin.until(`${text} is sent`, async () => {
    const { messages } = await admin.core.messages.page(id, null, 20);
    return messages.some((one) => one.messageId === messageId && one.seq !== null);
  });
  return messageId;
}

describe("messages for handlers", () => {
  let asha: Officer;
  let robot: Robot;

  beforeEach(async () => {
    asha = await w.current.join();
    robot = new Robot();
    await robot.register(w.current.absent());
  });

  afterEach(() => robot.calls.close());

  const hears = (...texts: readonly string[]): Promise<unknown> =>
    asha.until(`the bot is handed ${texts.join()}, not ${robot.texts.join()}`, () =>
      Promise.resolve(robot.texts.join() === texts.join()),
    );

  it("are those of a conversation that is new, from ten minutes before, and all that follow", async () => {
    await robot.calls.close();
    const id = await groupWith(asha, robot, "while it was away");
    await robot.restart();
    await hears("while it was away");
    await say(asha, id, "and then");
    await hears("while it was away", "and then");
    await robot.restart();
    await say(asha, id, "once more");
    await hears("while it was away", "and then", "once more");
  });

  it("have the last words of what was edited while the bot was away, and show what is pinned", async () => {
    await robot.calls.close();
    const id = await groupWith(asha, robot, "Gate 2");
    const { messages } = await asha.core.messages.page(id, null, 20);
    const messageId = messages.at(-1)?.messageId as MessageId;
    await asha.core.messages.edit(id, messageId, "Gate 3", []);
    await asha.core.messages.pin(id, messageId, true);
    await asha.until("sent", async () => (await asha.core.app.state()).outbox === 0);
    await robot.restart();
    await hears("Gate 3");
    const said = { messageId, senderId: asha.person, text: "Gate 3", pinnedBy: asha.person };
    await asha.until("pinned", async () => (await robot.calls.pinned(id)).length === 1);
    expect(await robot.calls.pinned(id)).toEqual([said]);
    await expect(robot.calls.core.messages.pin(id, messageId, false)).rejects.toMatchObject({
      code: "not_admin",
    });
  });

  it("are none that were signed before, also where the server shows them as new", async () => {
    await groupWith(asha, robot, "first");
    await hears("first");
    robot.aheadMs = 20 * MINUTE_MS;
    await robot.restart();
    const id = await groupWith(asha, robot, "twenty minutes ago");
    await asha.until("the bot follows it", async () => {
      const all = await robot.calls.conversations();
      return all.some(({ conversationId }) => conversationId === id);
    });
    await say(asha, id, "shown as new");
    robot.aheadMs = 0;
    await robot.restart();
    await groupWith(asha, robot, "now");
    await hears("first", "now");
  });
});

describe("marks for handlers", () => {
  let asha: Officer;
  let robot: Robot;
  let id: ConversationId;

  beforeEach(async () => {
    asha = await w.current.join();
    robot = new Robot();
    await robot.register(w.current.absent());
    id = await groupWith(asha, robot, "Go");
    await hears("Go");
    robot.texts.length = 0;
  });

  afterEach(() => robot.calls.close());

  const hears = (...texts: readonly string[]): Promise<unknown> =>
    asha.until(`the bot is handed ${texts.join()}, not ${robot.texts.join()}`, () =>
      Promise.resolve(robot.texts.join() === texts.join()),
    );

  const waits = (count: number): Promise<unknown> =>
    asha.until(`${String(count)} wait`, async () => {
      const { waiting } = (await robot.calls.status()) as { readonly waiting: number };
      return waiting === count;
    });

  it("are edits of what a handler has had, each once, also across restarts", async () => {
    const gate = await say(asha, id, "Gate 2");
    await hears("Gate 2");
    robot.busy = true;
    const unread = await say(asha, id, "Lane 1");
    await waits(1);
    await asha.core.messages.edit(id, unread, "Lane 2", []);
    await asha.core.messages.edit(id, gate, "Gate 3", []);
    await waits(2);
    robot.busy = false;
    await robot.restart();
    await hears("Gate 2", "Lane 2", "edit: Gate 3");
    await asha.core.messages.edit(id, unread, "Lane 3", []);
    await asha.core.messages.edit(id, unread, "Lane 3", []);
    await say(asha, id, "end");
    await hears("Gate 2", "Lane 2", "edit: Gate 3", "edit: Lane 3", "end");
  });

  it("are edits of what a handler began with, and none of what no handler had", async () => {
    robot.busy = true;
    const gate = await say(asha, id, "Gate 2");
    await waits(1);
    expect((await robot.calls.next(id))?.tries).toBe(0);
    await asha.core.messages.edit(id, gate, "Gate 3", []);
    await waits(2);
    robot.busy = false;
    await robot.handle(id);
    await hears("Gate 3", "edit: Gate 3");

    // As if it had found the conversation after the message.
    const device = await robot.calls.core.reach.device();
    await device.find(id).change((work) => {
      work.set({ handledFromMs: Date.now() });
      return Promise.resolve();
    });
    await asha.core.messages.edit(id, gate, "Gate 4", []);
    await say(asha, id, "end");
    await hears("Gate 3", "edit: Gate 3", "end");
  });

  it("are reactions of others to messages of the bot's, of those that wait each person's last", async () => {
    const asked = await robot.say(id, "May I?");
    await asha.receives(id, "May I?");
    const gate = await say(asha, id, "Gate 2");
    await hears("Gate 2");
    await robot.calls.core.messages.react(id, asked, "🙏");
    await asha.core.messages.react(id, gate, "👍");
    await asha.core.messages.react(id, asked, "👍");
    await hears("Gate 2", "👍");
    robot.busy = true;
    await asha.core.messages.react(id, asked, null);
    await asha.core.messages.react(id, asked, "✅");
    await asha.core.messages.react(id, asked, "✅");
    await say(asha, id, "end");
    await waits(2);
    robot.busy = false;
    await robot.handle(id);
    await hears("Gate 2", "👍", "✅", "end");
  });

  it("are none on a message that is deleted meanwhile but its deletion", async () => {
    const gate = await say(asha, id, "Gate 2");
    const asked = await robot.say(id, "May I?");
    await hears("Gate 2");
    await asha.receives(id, "May I?");
    robot.busy = true;
    await asha.core.messages.edit(id, gate, "Gate 3", []);
    await asha.core.messages.react(id, asked, "👍");
    await waits(2);
    await asha.core.messages.delete(id, gate, 0);
    await asha.core.messages.delete(id, asked, 0);
    await say(asha, id, "end");
    await waits(3);
    robot.busy = false;
    await robot.handle(id);
    await hears("Gate 2", "deletion", "deletion", "end");
  });
});

describe("what is long done", () => {
  it("leaves the newest rows, and for own messages their end", async () => {
    const vault = new Vault({ name: `trim-${newId()}`, now: Date.now });
    await vault.open();
    const id = newId<ConversationId>();
    const ids = Array.from({ length: 6 }, () => newId<MessageId>());
    const content = encodeContent({
      ...{ kind: "text", text: "x", mentions: [], replyTo: null, forwards: 0 },
    });
    await vault.write(
      ids.map((messageId, at) => {
        const seq = at + 1;
        const row: MessageRecord = {
          ...{
            messageId,
            conversationId: id,
            order: seq,
            seq,
            senderId: null,
            mine: seq % 2 === 0,
          },
          ...{ sentMs: 1, content, notice: null, failure: null },
        };
        return putMessage(row);
      }),
    );
    const record = { log: { cursor: LOG_HASHES + 5 } };
    await trim({ vault }, { id, record } as unknown as Conversation);
    const left = await vault.all<MessageRecord>(STORES.messages);
    expect(left.map(({ seq }) => seq).sort()).toEqual([5, 6]);
    const ends = await vault.getMany(PROGRAM_STORES.settled, ids);
    expect(ends).toEqual([null, { seq: 2 }, null, { seq: 4 }, null, null]);
    vault.close();
  });
});
