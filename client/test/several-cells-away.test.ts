/**
 * Real cores and a server in memory, in simulated time: members are away (without a network, closed,
 * killed) while cells are founded, merged and given up, keys become old, people and devices come and
 * go, and answers and pushes are lost. In the end, when everybody is back:
 *
 * - every member has each message that it was due, once, in the log's order (memory-scene.ts says
 *   which are due);
 * - nobody has one of when they had no place;
 * - nobody refuses or waits for anything, nobody is alarmed, no message lacks a seal;
 * - everybody can send, and is read by all.
 *
 * The same schedule gives the same run. One that fails is printed, and runs again with
 * COPCONNECT_MODEL_SCHEDULE="…"; COPCONNECT_MODEL_RUNS and COPCONNECT_MODEL_SEED explore further,
 * COPCONNECT_MODEL_SHRINK=1 looks for a shorter one.
 */
import fc from "fast-check";
import { test } from "vitest";
import { MemoryScene } from "./simulated/memory-scene.ts";
import { run } from "./simulated/run.ts";
import { readSchedule, schedules } from "./simulated/schedule.ts";
import type { Schedule } from "./simulated/schedule.ts";

const CELL_SIZE = 8;
const RUNS = Number(process.env["COPCONNECT_MODEL_RUNS"] ?? 8);
const SEED = Number(process.env["COPCONNECT_MODEL_SEED"] ?? 63_000);
const SHRINK = process.env["COPCONNECT_MODEL_SHRINK"] === "1";
const ONE = process.env["COPCONNECT_MODEL_SCHEDULE"];
const RUN_LIMIT_MS = 60_000;

const inMemory = (schedule: Schedule): Promise<void> =>
  run(schedule, () => new MemoryScene(schedule.seed, CELL_SIZE));

test("who was away has everything", { timeout: RUN_LIMIT_MS * RUNS }, async () => {
  if (ONE !== undefined) return inMemory(readSchedule(ONE));
  const property = fc.asyncProperty(schedules([2, 3, 4, 5, 6, 9, 11], 24), inMemory);
  await fc.assert(property, { numRuns: RUNS, seed: SEED, endOnFailure: !SHRINK });
});
