/** What a message writes: the ratchet tree of a cell rests apart and is written once in an epoch. */
import { IDBObjectStore } from "fake-indexeddb";
import { afterEach, describe, expect, it } from "vitest";
import { world } from "./world.ts";

const w = world();
const put = IDBObjectStore.prototype.put;

afterEach(() => {
  IDBObjectStore.prototype.put = put;
});

describe("a cell's ratchet tree", () => {
  it("is not written with messages, but with each commit, and serves after a restart", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const { conversationId: id } = await a.core.createGroup({
      title: "Beat 2",
      personIds: [await b.personId],
      photo: null,
      whoMayPost: "everyone",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    await a.text(id, "before");
    await b.receives(id, "before");
    await a.until("sent", async () => (await a.core.state()).outbox === 0);
    let writes: string[] = [];
    IDBObjectStore.prototype.put = function (...values) {
      writes.push((values[0] as { s?: string }).s ?? "");
      return put.apply(this, values);
    };
    const count = (store: string): number => writes.filter((one) => one === store).length;
    for (let i = 0; i < 10; i++) await a.text(id, `report ${String(i)}`);
    await b.receives(id, "report 9");
    expect(count("groups")).toBeGreaterThanOrEqual(10);
    expect(count("trees")).toBe(0);
    writes = [];
    await a.core.changeMembers(id, { add: [await c.personId] });
    await c.ready(id);
    expect(count("trees")).toBeGreaterThanOrEqual(1);
    for (const officer of [a, b]) {
      await officer.restart();
      await officer.ready(id);
    }
    await b.text(id, "after the restart");
    for (const officer of [a, c]) await officer.receives(id, "after the restart");
    const { messages } = await a.core.messages(id, null, 50);
    const kinds = messages.map(({ body }) => (body.kind === "notice" ? body.notice.kind : ""));
    expect(kinds).not.toContain("damaged");
    expect(kinds).not.toContain("joined_here");
  });
});
