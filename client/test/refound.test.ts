import { describe, expect, it } from "vitest";
import { numberOf } from "./data-folder.ts";
import { world } from "./world.ts";

const w = world();

describe("a cell whose Removes nobody online can commit", () => {
  it("is founded anew by who waits, and those who return read on from it", async () => {
    const a = await w.join();
    const b = await w.join();
    const bIndex = w.index;
    await w.join();
    const cIndex = w.index;
    const c = await w.device(cIndex);
    const { conversationId: id } = await a.core.createGroup({
      title: "Night beat",
      personIds: [await b.personId, await c.personId],
      photo: null,
      whoMayPost: "everyone",
    });
    for (const officer of [a, b, c]) await officer.ready(id);
    await a.text(id, "before");
    await b.receives(id, "before");

    // Everybody who could commit is away when one of them is suspended.
    await a.core.close();
    await b.core.close();
    await c.core.close();
    w.server.command("admin", "suspend", numberOf(cIndex));
    const b2 = await w.device(bIndex);
    await b2.until("suspension known", async () =>
      (await b2.core.conversations()).some((item) => item.conversationId === id),
    );
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    w.server.agePendingRemoves();
    await b2.ready(id);
    await b2.text(id, "from the fresh cell");
    await b2.until("sent", async () => (await b2.core.state()).outbox === 0);

    await a.restart();
    await a.receives(id, "from the fresh cell");
    await b.restart();
    await b.receives(id, "from the fresh cell");
    await a.text(id, "all here");
    await b.receives(id, "all here");
    await b2.receives(id, "all here");
    expect(await a.texts(id)).toEqual(["before", "from the fresh cell", "all here"]);
    expect((await a.core.encryption(id)).clients).toBe(3);
  });
});
