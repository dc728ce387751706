import { describe, expect, it } from "vitest";
import type { Fetch } from "../src/transport/http.ts";
import { world } from "./world.ts";

const w = world();

/** The network of one device, which a test can make fail in every way that networks do. */
class Network {
  /** Answers that never arrive although the request did: so many more. */
  loseAnswers = 0;
  /** Requests that arrive twice: so many more. */
  double = 0;
  /** Harmed requests never leave. */
  cut = false;
  /** Only requests whose path matches are harmed. */
  path = /./;
  readonly seen: string[] = [];

  readonly fetch: Fetch = async (url, init) => {
    const harmed = this.path.test(url);
    if (this.cut && harmed) throw new TypeError("cut");
    if (harmed) this.seen.push(`${init.method ?? ""} ${new URL(url).pathname}`);
    if (harmed && this.double > 0) {
      this.double--;
      await fetch(url, init);
    }
    const answer = await fetch(url, init);
    if (harmed && this.loseAnswers > 0) {
      this.loseAnswers--;
      throw new TypeError("the answer was lost");
    }
    return answer;
  };
}

const MESSAGES = /\/messages$/;
const COMMITS = /\/commits$/;

describe("messages over a bad network", () => {
  it("sends once although answers are lost and requests doubled, also after a crash", async () => {
    const network = new Network();
    const a = await w.join({ fetch: network.fetch });
    const b = await w.join();
    const { conversationId: id } = await a.core.openDirect(await b.personId);
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
    await a.until("nothing waits", async () => (await a.core.state()).outbox === 0);
    await a.text(id, "after");
    await b.receives(id, "after");
    for (const officer of [a, b]) {
      expect(await officer.texts(id)).toEqual(["lost answers", "doubled", "crashed", "after"]);
    }
  });

  it("survives lost answers to every commit: founding, adding, removing", async () => {
    const network = new Network();
    const a = await w.join({ fetch: network.fetch });
    const [b, c] = [await w.join(), await w.join()];
    network.path = COMMITS;
    network.loseAnswers = 2;
    const { conversationId: id } = await a.core.createGroup({
      title: "Beat 4",
      personIds: [await b.personId],
      photo: null,
      whoMayPost: "everyone",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    network.loseAnswers = 2;
    await a.core.changeMembers(id, { add: [await c.personId] });
    await c.ready(id);
    network.loseAnswers = 2;
    await a.core.changeMembers(id, { remove: [await b.personId] });
    await c.text(id, "still here");
    await a.receives(id, "still here");
    expect(await b.texts(id)).not.toContain("still here");
  });

  it("carries on when the committing device crashes before it hears that it was accepted", async () => {
    const network = new Network();
    const a = await w.join({ fetch: network.fetch });
    const [b, c] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.createGroup({
      title: "Beat 5",
      personIds: [await b.personId],
      photo: null,
      whoMayPost: "everyone",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    network.path = COMMITS;
    network.loseAnswers = 1000;
    const change = a.core.changeMembers(id, { add: [await c.personId] }).catch(() => undefined);
    await a.until("posted", async () => network.seen.length > 0);
    await a.core.close();
    await change;
    network.loseAnswers = 0;
    await a.restart();
    await c.ready(id);
    await Promise.all([a, b, c].map((officer, i) => officer.text(id, `present ${String(i)}`)));
    for (const officer of [a, b, c]) {
      for (let i = 0; i < 3; i++) await officer.receives(id, `present ${String(i)}`);
    }
  });

  it("removes by another member's hand when the admin is cut off right after asking", async () => {
    const network = new Network();
    const a = await w.join({ fetch: network.fetch });
    const [b, c, d] = [await w.join(), await w.join(), await w.join()];
    const { conversationId: id } = await a.core.createGroup({
      title: "Beat 6",
      personIds: await Promise.all([b, c, d].map((officer) => officer.personId)),
      photo: null,
      whoMayPost: "everyone",
    });
    await Promise.all([a, b, c, d].map((officer) => officer.ready(id)));
    // The roster change goes through; the admin's commit never leaves the phone.
    network.path = COMMITS;
    network.cut = true;
    const change = a.core.changeMembers(id, { remove: [await b.personId] }).catch(() => undefined);
    await b.until("out", async () => (await b.core.conversation(id)).state === "left");
    await a.core.close();
    await change;
    await c.text(id, "after the removal");
    await d.receives(id, "after the removal", 30_000);
    expect(await b.texts(id)).not.toContain("after the removal");
  });
});

describe("a server that fails", () => {
  it("loses and doubles nothing when it is killed while messages are on their way", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.openDirect(await b.personId);
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
    await a.until("all sent", async () => (await a.core.state()).outbox === 0);
    expect(await a.texts(id)).toEqual(texts);
  });

  it("E1: catches up on hundreds of messages in order after being away, through epochs", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const { conversationId: id } = await a.core.createGroup({
      title: "Long night",
      personIds: [await b.personId],
      photo: null,
      whoMayPost: "everyone",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    await b.core.close();
    const texts = Array.from({ length: 300 }, (_, i) => `entry ${String(i)}`);
    for (const [i, text] of texts.entries()) {
      await a.text(id, text);
      if (i === 100) await a.core.changeMembers(id, { add: [await c.personId] });
      if (i === 200) await a.core.changeMembers(id, { remove: [await c.personId] });
    }
    await a.until("all sent", async () => (await a.core.state()).outbox === 0, 60_000);
    await b.restart();
    await b.receives(id, "entry 299", 60_000);
    const found: string[] = [];
    let before: string | null = null;
    for (;;) {
      const page = await b.core.messages(id, before, 50);
      const part = page.messages.map(({ body }) => (body.kind === "text" ? body.text : ""));
      found.unshift(...part.filter((text) => text.startsWith("entry")));
      before = page.messages[0]?.messageId ?? null;
      if (!page.more) break;
    }
    expect(found).toEqual(texts);
    expect((await b.core.conversation(id)).unread).toBe(300);
  });
});
