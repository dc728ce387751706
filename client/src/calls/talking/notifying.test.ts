import { describe, expect, it } from "vitest";
import type { Conversation } from "../../conversation/conversation.ts";
import type { PersonId } from "../../ids.ts";
import type { Decoded } from "../../kinds/content.ts";
import { callsPerson, mayNotify } from "./notifying.ts";

const [ME, OTHER] = ["1".repeat(32) as PersonId, "2".repeat(32) as PersonId];
const text = (personId: PersonId): Decoded =>
  ({
    kind: "text",
    text: "…",
    mentions: [{ personId, start: 0, length: 1 }],
  }) as unknown as Decoded;
const order = (priority: string): Decoded =>
  ({ kind: "order", priority, mentions: [] }) as unknown as Decoded;
const muted = (mutedUntilMs: number | null): Conversation =>
  ({ id: "c", record: { preferences: { mutedUntilMs } } }) as unknown as Conversation;

describe("a message", () => {
  it("calls those it names, and everybody where it is a flash order", () => {
    expect([callsPerson(text(ME), ME), callsPerson(text(OTHER), ME)]).toEqual([true, false]);
    expect([callsPerson(order("flash"), ME), callsPerson(order("urgent"), ME)]).toEqual([
      true,
      false,
    ]);
  });

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
