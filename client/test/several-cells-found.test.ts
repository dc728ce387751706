/** Schedules that several-cells-away.test.ts once found to fail: what they are about stays mended. */
import { describe, it } from "vitest";
import { MemoryScene } from "./simulated/memory-scene.ts";
import { run } from "./simulated/run.ts";
import { readSchedule } from "./simulated/schedule.ts";

const LIMIT_MS = 60_000;

const FOUND: readonly (readonly [string, string])[] = [
  [
    "a cell that was the only one gets a key when others open beside it again",
    "seed 1000000; people 9; goes 67 39 60; abandons 0 60 60; say 76 6 60; adds 1 18 12000; adds 30 28 3000; deaf 3 6 0; removes 13 5 70000; shrinks 66 96 0; comes 48 24 400; abandons 6 0 3000; say 98 3 70000; adds 52 4 0; goes 94 2 3000; comes 79 76 60; say 79 94 0; loses 4 14 400; adds 17 98 0; comes 4 0 0; goes 2 0 400; adds 5 5 60; comes 2 44 70000; grows 58 8 400; comes 95 6 12000; goes 0 2 0",
  ],
  [
    "nothing of while it had no place waits for a device that is named again",
    "seed 10; people 6; abandons 78 40 400; goes 5 96 3000; say 53 24 3000; adds 20 12 12000; forgets 29 29 0; revokes 54 89 400; sleeps 77 34 60; abandons 53 88 3000; goes 58 91 3000; say 62 89 70000; comes 0 53 12000; sleeps 15 50 70000; deaf 12 75 0; comes 90 18 70000; deaf 50 55 400; deaf 65 2 70000; say 13 13 3000; grows 44 35 12000; goes 20 39 0; adds 34 27 12000; comes 17 19 3000; sleeps 47 80 0",
  ],
  [
    "a Welcome of several cells lets in who comes when they have become one",
    "seed 970577; people 3; goes 59 4 70000; goes 79 3 0; shrinks 55 16 0; goes 11 32 0; goes 92 95 400; grows 0 32 70000; goes 53 97 3000; removes 35 6 60; comes 54 54 60; removes 8 84 70000; say 37 27 0; removes 5 99 60; goes 15 0 60; say 18 0 60; comes 94 1 3000; say 59 3 70000; deaf 2 76 0",
  ],
  [
    "the last epoch of a cell that was given up is waited for",
    "seed 17; people 5; say 85 56 3000; adds 26 5 3000; abandons 21 63 0; grows 2 3 400; say 80 3 12000; deaf 54 2 12000; abandons 36 0 70000; say 3 80 60; say 99 5 12000; adds 38 6 3000; abandons 75 4 60; say 53 1 400; grows 81 4 0; removes 82 0 0; abandons 53 98 3000; forgets 98 5 0; comes 86 6 60; grows 3 0 60",
  ],
  [
    "a commit that was accepted where a device has no place any more keeps it from nothing",
    "seed 275356; people 9; say 21 89 400; say 69 87 0; goes 57 43 3000; adds 54 74 0; grows 28 79 400; abandons 56 65 12000; adds 41 61 3000; goes 77 46 12000; goes 66 37 3000; device 74 64 400; abandons 83 80 12000; comes 88 77 400; loses 94 17 0; grows 46 79 0; sleeps 57 75 70000; say 69 5 0; sleeps 89 28 12000; grows 94 27 60; removes 62 9 400; removes 91 67 3000",
  ],
];

describe("what random work found", { timeout: LIMIT_MS }, () => {
  it.each(FOUND)("%s", async (_, text) => {
    const schedule = readSchedule(text);
    await run(schedule, () => new MemoryScene(schedule.seed, 8));
  });
});
