/** People who lose their place and are named again before they know: nothing stops, nothing is missed. */
import { afterEach, describe, it } from "vitest";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";
import type { Officer } from "./officer.ts";

const LIMIT_MS = 120_000;
const SOON_MS = 60_000;

let w: MemoryWorld;
afterEach(() => w.close());

describe.each([
  ["one cell", 2],
  ["several cells", 8],
])("who is removed and added again at once, in a conversation of %s", (_, count) => {
  it("goes on without an alarm", { timeout: LIMIT_MS }, async () => {
    w = new MemoryWorld(8);
    const network = new Network(w.fetch);
    const officers = await joinMany(w, count);
    const [admin] = officers as [Officer];
    const back = await w.join({ fetch: network.fetch });
    const id = await groupOf([...officers, back]);
    await admin.text(id, "before");
    await back.receives(id, "before", SOON_MS);
    // It learns of both together: whether it has a place is asked when it has one again.
    const release = network.hold(new RegExp(`/conversations/${id}$`, "u"));
    const conversation = w.server.conversation(id);
    const { clientId } = await back.core.state();
    const before = conversation.lastSeq;
    await admin.core.changeMembers(id, { remove: [back.person] });
    await admin.core.changeMembers(id, { add: [back.person] });
    release();
    await admin.until("let in", () =>
      Promise.resolve((conversation.joinedAt.get(clientId ?? "") ?? 0) > before),
    );
    await back.ready(id);
    await admin.text(id, "after");
    await back.receives(id, "after", SOON_MS);
    await back.text(id, "here again");
    for (const officer of officers) await officer.receives(id, "here again", SOON_MS);
  });
});
