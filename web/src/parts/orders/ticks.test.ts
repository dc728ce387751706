import { expect, it } from "vitest";
import { Ticks } from "./ticks.svelte.ts";

it("signs what was ticked while the acknowledgement was handed in", async () => {
  let given: { choice: number; done: number } | null = null;
  const ticks = new Ticks(
    () => given,
    (ticked) => {
      given = ticked;
      return Promise.resolve();
    },
  );
  ticks.wanted = 0b01;
  await ticks.sign();
  expect(given).toBeNull();
  // Acknowledge is tapped with one tick, and the second one is made before the answer comes.
  ticks.wanted = 0b11;
  given = { choice: 2, done: 0b01 };
  await ticks.signed(0b01);
  expect(given).toEqual({ choice: 2, done: 0b11 });
  expect(ticks.wanted).toBeNull();
});

it("signs once what is ticked in a row, and drops what cannot be signed", async () => {
  const signed: number[] = [];
  let fails = false;
  const ticks: Ticks = new Ticks(
    () => ({ choice: 0, done: 0 }),
    async ({ done }) => {
      if (fails) throw new Error("over");
      signed.push(done);
      if (done === 0b01) ticks.wanted = 0b11;
      await ticks.sign();
    },
  );
  ticks.wanted = 0b01;
  await ticks.sign();
  expect(signed).toEqual([0b01, 0b11]);
  fails = true;
  ticks.wanted = 0b10;
  await expect(ticks.sign()).rejects.toThrow("over");
  expect(ticks.wanted).toBeNull();
});
