import { expect, it } from "vitest";
import type { ConversationId, MessageId } from "../ids.ts";
import type { Order } from "../wire.ts";
import { emptyOrder, textBeside } from "./record.ts";

it("compares the texts of two records only where both are here", () => {
  const [first, second, other, another] = [1, 2, 3, 4].map((byte) => ({
    textHash: new Uint8Array(32).fill(byte),
  })) as [Of, Of, Of, Of];
  const texts = [first, second].map(({ textHash }, at) => ({ seq: at + 1, headerHash: textHash }));
  const server = { texts, askedSeq: 1 } as unknown as Order;
  const row = { ...emptyOrder("o" as MessageId, "c" as ConversationId), server };
  expect(textBeside(row, first, first)).toBe("same");
  expect(textBeside(row, second, first)).toBe("later");
  expect(textBeside(row, first, second)).toBeNull();
  // Another phone may have acknowledged a correction that is not here yet.
  expect(textBeside(row, second, other)).toBeNull();
  expect(textBeside(row, other, second)).toBeNull();
  expect(textBeside(row, other, another)).toBeNull();
  expect(textBeside(row, other, other)).toBe("same");
});

interface Of {
  readonly textHash: Uint8Array;
}
