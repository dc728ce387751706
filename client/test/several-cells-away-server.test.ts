/**
 * The same against the real server, whose memory beside its log may mislead those who come back: some
 * groups at once, as nearly all of the time is waited. See several-cells-away.test.ts.
 */
import fc from "fast-check";
import { test } from "vitest";
import { TestServer } from "./server.ts";
import { run } from "./simulated/run.ts";
import { readSchedule, schedules } from "./simulated/schedule.ts";
import type { Schedule } from "./simulated/schedule.ts";
import { ServerScene } from "./simulated/server-scene.ts";

const RUNS = Number(process.env["COPCONNECT_MODEL_RUNS"] ?? 3);
const SEED = Number(process.env["COPCONNECT_MODEL_SEED"] ?? 63_000);
const ONE = process.env["COPCONNECT_MODEL_SCHEDULE"];
/** With one more person the first cell is full and a second opens beside it. */
const PEOPLE = [4];
/** Groups at one server: the data bank has no more people. */
const AT_ONCE = 3;
const PEOPLE_EACH = 20;
const RUN_LIMIT_MS = 120_000;

async function together(some: readonly Schedule[]): Promise<void> {
  const server = await TestServer.start({
    COPCONNECT_CELL_SIZE: "8",
    COPCONNECT_SUITE: "x25519",
  });
  try {
    const runs = some.map((schedule, i) =>
      run(schedule, () => new ServerScene(server, schedule.seed, i * PEOPLE_EACH)),
    );
    await Promise.allSettled(runs);
    await Promise.all(runs);
  } finally {
    await server.close();
  }
}

test("who was away has everything", { timeout: RUN_LIMIT_MS * RUNS }, async () => {
  const all =
    ONE === undefined
      ? fc.sample(schedules(PEOPLE, 12), { numRuns: RUNS, seed: SEED })
      : [readSchedule(ONE)];
  for (let at = 0; at < all.length; at += AT_ONCE) await together(all.slice(at, at + AT_ONCE));
});
