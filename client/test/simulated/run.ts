/** One run: a group goes through a schedule, and keeps its promises. */
import { Group } from "./group.ts";
import { check, settle } from "./promises.ts";
import type { Scene } from "./scene.ts";
import { writeSchedule } from "./schedule.ts";
import type { Schedule } from "./schedule.ts";

export async function run(schedule: Schedule, open: () => Scene): Promise<void> {
  const scene = open();
  const group = new Group(scene);
  try {
    await group.begin(schedule.people);
    for (const step of schedule.steps) await group.do(step);
    await settle(scene, group);
    await check(scene, group);
  } catch (error) {
    const again = `COPCONNECT_MODEL_SCHEDULE="${writeSchedule(schedule)}"`;
    const there = group.id === "" ? "" : scene.describe(group.id);
    throw new Error(`${again}\n${String(error)}\n${there}`, { cause: error });
  } finally {
    await scene.close();
  }
}
