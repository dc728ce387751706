/** The reads of a start before the screens have the chats: a slow phone waits longest for one that waits for another. */
import { expect, it, vi } from "vitest";
import { DatabaseConnection } from "#core/vault/connection.ts";
import { Line } from "../support/line.ts";
import { memoryWorld } from "../support/world.ts";

const SLOW_MS = 30;
const w = memoryWorld();

/** Let each read take a while; returns how many there were, those of one time counted once. */
function slowReads(): () => number {
  const { use } = DatabaseConnection.prototype;
  let [running, rounds] = [0, 0];
  vi.spyOn(DatabaseConnection.prototype, "use").mockImplementation(async function (
    this: DatabaseConnection,
    step,
  ) {
    if (running++ === 0) rounds += 1;
    try {
      await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
      return await use.call(this, step);
    } finally {
      running -= 1;
    }
  });
  return () => rounds;
}

it("shows the chats after four reads, one after another", async () => {
  const line = new Line(w.server.WebSocket);
  const a = await w.join({ WebSocket: line.WebSocket });
  const b = await w.join();
  const { conversationId } = await a.core.conversations.openDirect(b.person);
  await a.text(conversationId, "Report at 6.");
  await b.receives(conversationId, "Report at 6.");
  line.cut();
  const reads = slowReads();
  const restarted = a.restart();
  const listed = restarted.then(() => a.core.conversations.list());
  expect((await listed).map(({ last }) => last?.preview)).toMatchObject([{ text: "Report at 6." }]);
  expect(reads()).toBeLessThanOrEqual(4);
  vi.restoreAllMocks();
});
