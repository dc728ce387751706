import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { JoinTurns } from "../bench/join-turns.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("one has the turn at a time, in the order in which they ask", async () => {
  const turns = new JoinTurns();
  const first = await turns.take(100, 1_000);
  const came: string[] = [];
  const second = turns.take(100, 1_000).then((giveBack) => (came.push("second"), giveBack));
  const third = turns.take(100, 1_000).then((giveBack) => (came.push("third"), giveBack));
  await vi.advanceTimersByTimeAsync(50);
  expect(came).toEqual([]);
  first?.();
  first?.(); // Once is enough.
  const giveBack = await second;
  expect(came).toEqual(["second"]);
  giveBack?.();
  (await third)?.();
  expect(came).toEqual(["second", "third"]);
  expect(await turns.take(0, 1_000)).not.toBeNull();
});

test("who waits too long has none, and does not hold up those behind", async () => {
  const turns = new JoinTurns();
  const first = await turns.take(100, 1_000);
  const impatient = turns.take(10, 1_000);
  const patient = turns.take(500, 1_000);
  await vi.advanceTimersByTimeAsync(20);
  expect(await impatient).toBeNull();
  first?.();
  expect(await patient).not.toBeNull();
});

test("a turn that nobody gives back ends by itself", async () => {
  const turns = new JoinTurns();
  await turns.take(100, 1_000);
  const next = turns.take(5_000, 1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await next).not.toBeNull();
});
