import { describe, expect, it } from "vitest";
import type { Conversation } from "../../conversation/conversation.ts";
import { mayNotify } from "./notifying.ts";

const muted = (mutedUntilMs: number | null): Conversation =>
  ({ id: "c", record: { preferences: { mutedUntilMs } } }) as unknown as Conversation;

describe("a message", () => {
  it("that calls goes past mute, but not where the conversation is on screen", () => {
    for (const until of [-1, 2_000]) {
      expect(mayNotify(muted(until), false, null, 1_000)).toBe(false);
      expect(mayNotify(muted(until), true, null, 1_000)).toBe(true);
      expect(mayNotify(muted(until), true, "c", 1_000)).toBe(false);
    }
    expect(mayNotify(muted(1_000), false, null, 1_000)).toBe(true);
    expect(mayNotify(muted(null), false, null, 1_000)).toBe(true);
  });
});
