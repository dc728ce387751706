import type { MessageId } from "#core/ids.ts";
import { describe, expect, it } from "vitest";
import { Network } from "../support/network.ts";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();

const MESSAGES = /\/messages$/;
const KEYS_AND_MEMBERS = /\/(?:keys|members|conversations)$/;
const KEYS = /\/keys$/;

describe("messages over a bad network", () => {
  it("sends once although answers are lost and requests doubled, also after a crash", async () => {
    const network = new Network(w.fetch);
    const a = await w.join({ fetch: network.fetch });
    const b = await w.join();
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.ready(id);
    network.path = MESSAGES;
    network.loseAnswers = 5;
    await a.text(id, "lost answers");
    await b.receives(id, "lost answers");
    network.loseAnswers = 0;
    network.double = 1;
    await a.text(id, "doubled");
    await b.receives(id, "doubled");

    // A crash between the POST and its answer.
    network.loseAnswers = 1000;
    network.seen.length = 0;
    await a.text(id, "crashed");
    await a.until("posted", async () => network.seen.length > 0);
    await a.core.close();
    network.loseAnswers = 0;
    await a.restart();
    await b.receives(id, "crashed");
    await a.until("nothing waits", async () => (await a.core.app.state()).outbox === 0);
    await a.text(id, "after");
    await b.receives(id, "after");
    for (const officer of [a, b]) {
      expect(await officer.texts(id)).toEqual(["lost answers", "doubled", "crashed", "after"]);
    }
  });

  it("survives lost answers about keys and members: founding, adding, removing", async () => {
    const network = new Network(w.fetch);
    const a = await w.join({ fetch: network.fetch });
    const [b, c] = [await w.join(), await w.join()];
    network.path = KEYS_AND_MEMBERS;
    network.loseAnswers = 2;
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Beat 4",
      personIds: [b.person],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    network.loseAnswers = 2;
    await a.core.members.change(id, { add: [c.person] });
    await c.ready(id);
    network.loseAnswers = 2;
    await a.core.members.change(id, { remove: [b.person] });
    await c.text(id, "still here");
    await a.receives(id, "still here");
    expect(await b.texts(id)).not.toContain("still here");
  });

  it("carries on when a device crashes before it hears that its key was accepted (S5)", async () => {
    const network = new Network(w.fetch);
    const a = await w.join({ fetch: network.fetch });
    const [b, c] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Beat 5",
      personIds: [b.person],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    await a.core.members.change(id, { add: [c.person] });
    await c.ready(id);
    network.path = KEYS;
    network.method = /POST/;
    network.seen.length = 0;
    network.loseAnswers = 1000;
    await a.text(id, "under a new key");
    await a.until("posted", async () => network.seen.length > 0);
    await a.core.close();
    network.loseAnswers = 0;
    await a.restart();
    await c.receives(id, "under a new key");
    await Promise.all([a, b, c].map((officer, i) => officer.text(id, `present ${String(i)}`)));
    for (const officer of [a, b, c]) {
      for (let i = 0; i < 3; i++) await officer.receives(id, `present ${String(i)}`);
    }
  });

  it("removes at once, though the admin is gone right after asking (D6)", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const [c, d] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Beat 6",
      personIds: [b, c, d].map((officer) => officer.person),
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await Promise.all([a, b, c, d].map((officer) => officer.ready(id)));
    await a.core.members.change(id, { remove: [b.person] });
    await a.core.close();
    await b.until("out", async () => (await b.core.conversations.get(id)).state === "left");
    await c.text(id, "after the removal");
    await d.receives(id, "after the removal", 30_000);
    expect(await b.texts(id)).not.toContain("after the removal");
  });
});

describe("a server that fails", () => {
  it("loses and doubles nothing when it is killed while messages are on their way", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    const texts = Array.from({ length: 40 }, (_, i) => `report ${String(i)}`);
    for (const [i, text] of texts.entries()) {
      await a.text(id, text);
      if (i === 12) {
        await w.server.kill();
        void w.server.serve();
      }
    }
    await b.receives(id, "report 39", 60_000);
    expect(await b.texts(id)).toEqual(texts);
    await a.until("all sent", async () => (await a.core.app.state()).outbox === 0);
    expect(await a.texts(id)).toEqual(texts);
  });

  it("catches up on hundreds of messages in order after being away, through many keys", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Long night",
      personIds: [b.person],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    await b.core.close();
    const texts = Array.from({ length: 300 }, (_, i) => `entry ${String(i)}`);
    for (const [i, text] of texts.entries()) {
      await a.text(id, text);
      if (i === 100) await a.core.members.change(id, { add: [c.person] });
      if (i === 200) await a.core.members.change(id, { remove: [c.person] });
    }
    await a.until("all sent", async () => (await a.core.app.state()).outbox === 0, 60_000);
    await b.restart();
    await b.receives(id, "entry 299", 60_000);
    const found: string[] = [];
    let before: MessageId | null = null;
    for (;;) {
      const page = await b.core.messages.page(id, before, 50);
      const part = page.messages.map(({ body }) => (body.kind === "text" ? body.text : ""));
      found.unshift(...part.filter((text) => text.startsWith("entry")));
      before = page.messages[0]?.messageId ?? null;
      if (!page.more) break;
    }
    expect(found).toEqual(texts);
    expect((await b.core.conversations.get(id)).unread).toBe(300);
  });
});
