import { describe, expect, it } from "vitest";
import { memoryWorld } from "../support/world.ts";

const w = memoryWorld();

describe("a core that takes over from another", () => {
  it("says nothing of its phase before it knows it", async () => {
    const a = await w.join();
    a.events.length = 0;
    await a.restart();
    await a.until("online", async () => (await a.core.app.state()).connection === "online");
    const phases = a.events.flatMap((event) => (event.type === "app" ? [event.state.phase] : []));
    expect(new Set(phases)).toEqual(new Set(["ready"]));
  });
});
