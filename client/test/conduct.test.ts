/** A code of conduct that asks anew: what waits on a device is kept, and goes out after the acceptance. */
import { describe, expect, it } from "vitest";
import type { Officer } from "./support/officer.ts";
import { memoryWorld } from "./support/world.ts";

const w = memoryWorld();

async function asked({ core }: Officer): Promise<boolean> {
  return (await core.state()).phase === "conduct";
}

describe("a code of conduct that asks anew", () => {
  it("holds a message that was written offline, and sends it after the acceptance", async () => {
    const [a, b] = [await w.join(), await w.join()];
    const { conversationId: id } = await a.core.openDirect(b.person);
    await a.text(id, "before");
    await b.receives(id, "before");

    const network = w.current.network(a);
    network.cut = true;
    const { messageId } = await a.text(id, "written without a network");
    w.server.people.conduct = 2;
    network.cut = false;
    await a.core.networkChanged(false);
    await a.core.networkChanged(true);
    await a.until("asked", () => asked(a));
    await expect(a.core.conversations()).rejects.toMatchObject({ code: "not_registered" });
    // A draft is kept meanwhile.
    await a.core.saveDraft(id, "half a sent");
    const { code, accepted, owed } = await a.core.conduct("en");
    expect([code.version, accepted?.version, owed]).toEqual([2, 1, true]);

    await expect(a.core.acceptConduct(1, "en")).rejects.toMatchObject({ code: "conduct_changed" });
    expect((await a.core.acceptConduct(code.version, "en")).phase).toBe("ready");
    await a.until("sent", async () => (await a.status(messageId, id)) !== "sending");
    expect((await a.core.conversation(id)).draft).toBe("half a sent");

    // The other one is asked by the first refusal, restarts meanwhile, and misses nothing.
    await b.core.messages(id, null, 10).catch(() => undefined);
    await b.core.networkChanged(false);
    await b.core.networkChanged(true);
    await b.until("asked", () => asked(b));
    await b.restart();
    expect((await b.core.state()).phase).toBe("conduct");
    await b.core.acceptConduct(2, "en");
    await b.receives(id, "written without a network");
  });
});
