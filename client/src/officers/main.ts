/**
 * `node build/officers.mjs --server URL --numbers +91…,+91… [--codes …,…] [--invite +91…,…]
 * [--commander +91… [--commander-code …]] [--every SECONDS] [--standing SECONDS]`: simulated officers
 * for the demo, and the head of the force, with their enrolment codes where the server asks for
 * them, until the process is ended or its parent (COPCONNECT_PARENT) is gone. `--standing`: how long
 * they wait for a group that the department makes before they make one.
 */
import "fake-indexeddb/auto";
import { parseArgs } from "node:util";
import { WebSocket } from "ws";
import { createCore } from "../create.ts";
import type { LocalCore } from "../create.ts";
import { pause } from "../transport/backoff.ts";
import type { WebSocketMaker } from "../transport/socket.ts";
import { announce } from "./commander.ts";
import { enrol } from "./enrol.ts";
import { LABEL, Station } from "./station.ts";

const PARENT_CHECK_MS = 2_000;
const SIGN_OUT_MS = 5_000;

function log(what: string): void {
  process.stdout.write(`${new Date().toISOString()} ${what}\n`);
}

function list(text: string): readonly string[] {
  return text.split(",").filter((part) => part !== "");
}

async function untilUp(origin: string, signal: AbortSignal): Promise<void> {
  for (let tries = 0; tries < 100 && !signal.aborted; tries++) {
    const up = await fetch(`${origin}/healthz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (up) return;
    await pause(200, signal);
  }
  throw new Error(`${origin} does not answer.`);
}

function endWithParent(stop: () => void): void {
  const parent = Number(process.env["COPCONNECT_PARENT"]);
  if (!Number.isInteger(parent) || parent <= 0) return;
  setInterval(() => {
    try {
      process.kill(parent, 0);
    } catch {
      stop();
    }
  }, PARENT_CHECK_MS).unref();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      server: { type: "string", default: "http://localhost:8080" },
      numbers: { type: "string" },
      codes: { type: "string", default: "" },
      commander: { type: "string" },
      "commander-code": { type: "string", default: "" },
      invite: { type: "string", default: "" },
      every: { type: "string", default: "30" },
      // A new device learns of the department's groups after it has registered, on a busy machine late.
      standing: { type: "string", default: "30" },
    },
  });
  const numbers = list(values.numbers ?? "");
  if (numbers.length === 0) throw new Error("Say who: --numbers +91…,+91…");
  const origin = values.server.replace(/\/$/, "");
  const ending = new AbortController();
  const cores: LocalCore[] = [];
  const stop = (): void => {
    ending.abort();
    // Their devices end with them: the next start registers anew, and a person's second device would
    // wait for the first to confirm it.
    const signedOut = Promise.allSettled(cores.map((core) => core.signOut()));
    void Promise.race([signedOut, pause(SIGN_OUT_MS)]).finally(() => process.exit(0));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  endWithParent(stop);

  await untilUp(origin, ending.signal);
  const codes = list(values.codes);
  const enrolled = async (number: string, code: string | undefined): Promise<LocalCore> => {
    const core = createCore({
      origin,
      vaultName: `officer-${number}`,
      WebSocket: WebSocket as unknown as WebSocketMaker,
    });
    cores.push(core);
    await enrol(core, origin, number, LABEL, code);
    return core;
  };
  const staff: LocalCore[] = [];
  for (const [index, number] of numbers.entries()) {
    staff.push(await enrolled(number, codes[index]));
  }
  log(`${String(staff.length)} officers are on duty`);
  const options = {
    random: Math.random,
    signal: ending.signal,
    everyMs: 1000 * Number(values.every),
    log,
  };
  const station = new Station(staff, {
    ...options,
    answerMs: [2_000, 7_000],
    standingMs: 1000 * Number(values.standing),
  });
  await station.begin(list(values.invite));
  log("the station's group stands");
  const { commander } = values;
  const announcing =
    commander === undefined
      ? Promise.resolve()
      : announce(await enrolled(commander, values["commander-code"]), options);
  await Promise.all([station.patrol(), announcing]);
}

main().catch((error: unknown) => {
  log(`ended: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
