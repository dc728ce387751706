/** A code of conduct that asks again: a device keeps waiting messages and sends them after the acceptance. */
import { describe, expect, it } from "vitest";
import type { Officer } from "./support/officer.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld();

async function asked({ core }: Officer): Promise<boolean> {
  return (await core.app.state()).phase === "conduct";
}

describe("a code of conduct that asks anew", () => {
  it("holds a message that was written offline, and sends it after the acceptance", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.conversations.openDirect(b.person);
    await a.text(id, "before");
    await b.receives(id, "before");

    const network = w.current.network(a);
    network.cut = true;
    const { messageId } = await a.text(id, "written without a network");
    w.server.people.conduct = 2;
    network.cut = false;
    await a.core.app.networkChanged(false);
    await a.core.app.networkChanged(true);
    await a.until("asked", () => asked(a));
    await expect(a.core.conversations.list()).rejects.toMatchObject({ code: "not_registered" });
    // A draft is kept meanwhile.
    await a.core.conversations.saveDraft(id, "half a sent");
    const { code, accepted, owed } = await a.core.conduct.view("en");
    expect([code.version, accepted?.version, owed]).toEqual([2, 1, true]);

    await expect(a.core.app.acceptConduct(1, "en")).rejects.toMatchObject({
      code: "conduct_changed",
    });
    expect((await a.core.app.acceptConduct(code.version, "en")).phase).toBe("ready");
    await a.until("sent", async () => (await a.status(messageId, id)) !== "sending");
    expect((await a.core.conversations.get(id)).draft).toBe("half a sent");

    // The other one is asked by the first refusal, restarts meanwhile, and misses nothing.
    await b.core.messages.page(id, null, 10).catch(() => undefined);
    await b.core.app.networkChanged(false);
    await b.core.app.networkChanged(true);
    await b.until("asked", () => asked(b));
    await b.restart();
    expect((await b.core.app.state()).phase).toBe("conduct");
    await b.core.app.acceptConduct(2, "en");
    await b.receives(id, "written without a network");
  });
});
