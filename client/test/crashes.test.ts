import { decode, encode } from "@msgpack/msgpack";
import { IDBObjectStore } from "fake-indexeddb";
import { afterEach, describe, expect, it } from "vitest";
import type { Fetch } from "../src/transport/http.ts";
import type { LogPage, RosterChange } from "../src/wire.ts";
import { world } from "./world.ts";

const w = world();
const put = IDBObjectStore.prototype.put;

afterEach(() => {
  IDBObjectStore.prototype.put = put;
});

/** Every so many writes of the process fail, as a full disk makes them. */
function failEvery(n: number): void {
  let writes = 0;
  IDBObjectStore.prototype.put = function (...values) {
    if (++writes % n === 0) throw new DOMException("full", "QuotaExceededError");
    return put.apply(this, values);
  };
}

describe("a disk that fails", () => {
  it.each([7, 11, 13])("loses and doubles nothing when every %dth write fails", async (n) => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.openDirect(await b.personId);
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    failEvery(n);
    const sent: string[] = [];
    for (let i = 0; i < 25; i++) {
      const text = `report ${String(i)}`;
      // What `send` refused was not taken: the person still has it in front of them.
      await a.text(id, text).then(
        () => sent.push(text),
        (error: unknown) => {
          expect(error).toMatchObject({ code: "storage_failed", retry: true });
        },
      );
      if (i === 12) await a.restart();
    }
    expect(sent.length).toBeGreaterThan(5);
    IDBObjectStore.prototype.put = put;
    await a.until("all sent", async () => (await a.core.state()).outbox === 0, 60_000);
    await b.receives(id, sent.at(-1) ?? "", 60_000);
    expect(await b.texts(id)).toEqual(sent);
    expect(await a.texts(id)).toEqual(sent);
  });
});

describe("a server that lies", () => {
  it("meets an alarm when it shows a roster that the authority did not sign", async () => {
    let lying = false;
    const tampering: Fetch = async (url, init) => {
      const answer = await fetch(url, init);
      if (!lying || !url.includes("/log?")) return answer;
      const page = decode(new Uint8Array(await answer.arrayBuffer())) as LogPage;
      const entries = page.entries.map((entry) => {
        if (entry.kind !== "roster") return entry;
        const change = decode(entry.payload) as RosterChange;
        const head = new Uint8Array(change.head);
        head[60] = (head[60] ?? 0) ^ 1;
        return { ...entry, payload: encode({ ...change, head }) };
      });
      return new Response(new Uint8Array(encode({ ...page, entries })), { status: 200 });
    };
    const a = await w.join();
    const b = await w.join({ fetch: tampering });
    const c = await w.join();
    const { conversationId: id } = await a.core.createGroup({
      title: "Beat 9",
      personIds: [await b.personId],
      photo: null,
      whoMayPost: "everyone",
    });
    await Promise.all([a, b].map((officer) => officer.ready(id)));
    await b.core.close();
    lying = true;
    await a.core.changeMembers(id, { add: [await c.personId] });
    await a.text(id, "to the three of us");
    await c.receives(id, "to the three of us");
    await b.restart();
    await b.until("alarm", async () => (await b.core.conversation(id)).state === "alarm");
    const item = await b.core.conversation(id);
    expect(item.alarm).toBe("roster_bad_signature");
    expect(item.canPost).toBe(false);
    expect(await b.texts(id)).toEqual([]);
    await expect(b.text(id, "hello?")).rejects.toMatchObject({ code: "security_alarm" });
  });
});
