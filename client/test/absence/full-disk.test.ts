/**
 * People who write and act while the server's disk is full: they get an error or wait, nothing is
 * lost, and messages that waited are accepted once as soon as there is room.
 */
import { decode } from "@msgpack/msgpack";
import { afterEach, describe, expect, it } from "vitest";
import type { Fetch } from "#core/transport/http.ts";
import { serverWorld } from "../support/world.ts";

const w = serverWorld();
/** Not even the database's log of changes has room. */
const FULL = 4096;
const FULL_CODES = ["storage_full", "overloaded"];

interface Answer {
  readonly path: string;
  readonly status: number;
  readonly code: string | null;
  readonly retry: boolean;
}

/** A network that notes what POSTs were answered. */
function noting(answers: Answer[]): Fetch {
  return async (url, init) => {
    const answer = await w.fetch(url, init);
    if (init.method !== "POST") return answer;
    const bytes = new Uint8Array(await answer.clone().arrayBuffer());
    const refusal = answer.ok ? null : (decode(bytes) as { code: string; retry: boolean });
    const { pathname } = new URL(url);
    const { code, retry } = refusal ?? { code: null, retry: false };
    answers.push({ path: pathname, status: answer.status, code, retry });
    return answer;
  };
}

function postsTo(answers: readonly Answer[], path: RegExp): readonly Answer[] {
  return answers.filter((answer) => path.test(answer.path));
}

afterEach(() => {
  w.server.limitFiles(null);
});

describe("on a server whose disk is full", () => {
  it("a message waits, says nothing false, and is accepted once when there is room", async () => {
    const answers: Answer[] = [];
    const [a, b] = [await w.join({ fetch: noting(answers) }), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "before");
    await b.receives(id, "before");
    answers.length = 0;
    w.server.limitFiles(FULL);
    const { messageId } = await a.text(id, "while it is full");
    const messages = /\/messages$/;
    const [refused] = await a.until("refused", () => {
      const found = postsTo(answers, messages);
      return Promise.resolve(found.length > 0 && found);
    });
    expect(refused).toMatchObject({ retry: true });
    // SQLite reports this kind of full disk as an I/O error, and the server answers that it is busy.
    expect(FULL_CODES).toContain(refused?.code);
    expect(await a.status(messageId, id)).toBe("sending");
    // Earlier messages can still be read, also by a device that comes back.
    await b.restart();
    expect(await b.texts(id)).toEqual(["before"]);
    w.server.limitFiles(null);
    await a.reconnect();
    await b.receives(id, "while it is full");
    await a.text(id, "after");
    await b.receives(id, "after");
    const accepted = postsTo(answers, messages).filter(({ status }) => status < 300);
    expect(accepted.length).toBe(2);
    expect(
      w.server.rows("SELECT count(*) FROM log_entries WHERE message_id = ?", messageId),
    ).toEqual([[1]]);
    await w.server.kill();
    await w.server.serve();
    for (const officer of [a, b]) {
      await officer.restart();
      expect(await officer.texts(id)).toEqual(["before", "while it is full", "after"]);
    }
    await b.text(id, "since the restart");
    await a.receives(id, "since the restart");
  });

  it("nobody is half added: the caller gets an error, or the change is done later", async () => {
    const [a, b, c] = [await w.join(), await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.createGroup({
      title: "Patrol",
      personIds: [b.person],
      photo: null,
      whoMaySend: "everyone",
      history: "none",
    });
    await b.ready(id);
    w.server.limitFiles(FULL);
    const add = { add: [c.person] };
    await expect(a.core.members.change(id, add)).rejects.toMatchObject({
      code: expect.toBeOneOf(FULL_CODES) as string,
      retry: true,
    });
    expect(await c.core.conversations.list()).toEqual([]);
    w.server.limitFiles(null);
    await a.core.members.change(id, add);
    await c.ready(id);
    await a.text(id, "welcome");
    for (const officer of [b, c]) await officer.receives(id, "welcome");
    expect((await a.core.conversations.encryption(id)).devices).toBe(3);
  });
});
