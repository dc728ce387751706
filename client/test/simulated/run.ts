/** One run: a force goes through a schedule, and keeps its promises. */
import { IDBFactory } from "fake-indexeddb";
import { MemoryServer } from "../memory/server.ts";
import { Force } from "./force.ts";
import { check, settle } from "./promises.ts";
import { writeSchedule, type Schedule } from "./schedule.ts";
import { SimulatedTime } from "./time.ts";

export interface RunOptions {
  /** Bend the server before anything happens: for tests that the model finds what is wrong. */
  readonly bend?: (server: MemoryServer) => void;
}

export async function run(schedule: Schedule, { bend }: RunOptions = {}): Promise<void> {
  const time = SimulatedTime.begin(schedule.seed);
  // The same seed gives vaults the same names.
  globalThis.indexedDB = new IDBFactory();
  const { cellSize, policy } = schedule;
  const server = await MemoryServer.start({ cellSize, policy });
  bend?.(server);
  const force = new Force(server, time);
  try {
    await force.begin(schedule);
    for (const step of schedule.steps) await force.do(step);
    await settle(force);
    await check(force);
  } catch (error) {
    const again = `COPCONNECT_MODEL_SCHEDULE="${writeSchedule(schedule)}"`;
    throw new Error(`${again}\n${String(error)}\n${server.story()}`, { cause: error });
  } finally {
    await Promise.all(force.devices.map(({ officer }) => officer.close()));
    await server.close();
    await time.end();
  }
}
