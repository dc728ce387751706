/**
 * `node build/officers.mjs --server URL --vaults FOLDER --numbers +91…,+91… [--codes …,…]
 * [--invite +91…,…] [--commander +91… [--commander-code …]] [--every SECONDS] [--standing SECONDS]`:
 * simulated officers for the demo, and the head of the force, with their enrolment codes where the
 * server asks for them, until the process is ended. `--vaults`: where their devices are kept for the
 * next start. `--standing`: how long they wait for a group that the department makes before they make
 * one. The log is standard output; standard error says in one line how many are on duty.
 */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createCore, type LocalCore } from "../create.ts";
import { utf8 } from "../octets.ts";
import { pause } from "../transport/backoff.ts";
import { announce, order } from "./commander.ts";
import { enrol } from "./enrol.ts";
import { LABEL, Station } from "./station.ts";
import { sqliteStorage } from "../vault/sqlite.ts";

/** A demo keeps nothing secret: the mode of its folder is all that protects these devices. */
const SECRET = utf8("the keys of simulated officers");
const CLOSE_MS = 2_000;

function log(what: string): void {
  process.stdout.write(`${new Date().toISOString()} ${what}\n`);
}

/** Log it, and tell the person who started the demo. */
function say(what: string): void {
  log(what);
  process.stderr.write(`${what}\n`);
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

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      server: { type: "string", default: "http://localhost:8080" },
      vaults: { type: "string" },
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
  const { vaults, commander } = values;
  if (numbers.length === 0) throw new Error("Say who: --numbers +91…,+91…");
  if (vaults === undefined) throw new Error("Say where their devices are kept: --vaults FOLDER");
  const origin = values.server.replace(/\/$/, "");
  mkdirSync(vaults, { recursive: true, mode: 0o700 });
  const ending = new AbortController();
  const cores: LocalCore[] = [];
  const stop = (): void => {
    ending.abort();
    const closed = Promise.allSettled(cores.map((core) => core.close()));
    void Promise.race([closed, pause(CLOSE_MS)]).finally(() => process.exit(0));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);

  await untilUp(origin, ending.signal);
  const options = {
    random: Math.random,
    signal: ending.signal,
    everyMs: 1000 * Number(values.every),
    log,
  };
  const station = new Station({
    ...options,
    answerMs: [2_000, 7_000],
    standingMs: 1000 * Number(values.standing),
  });
  /** One officer on duty; null for one who cannot be, which the log explains. */
  const enrolled = async (
    number: string,
    code: string | undefined,
    listen: (core: LocalCore) => void,
  ): Promise<LocalCore | null> => {
    const path = join(vaults, `officer-${number}.vault`);
    const coreIn = (file: string): LocalCore =>
      createCore({ origin, vaultName: file, storage: sqliteStorage(file, SECRET) });
    let core: LocalCore | null = null;
    try {
      // The file has its name once its device has registered.
      if (!existsSync(path)) {
        const begun = `${path}.new`;
        for (const file of [path, begun]) await sqliteStorage(file, SECRET).erase();
        core = coreIn(begun);
        await enrol(core, origin, number, LABEL, code);
        await core.close();
        renameSync(begun, path);
      }
      core = coreIn(path);
      listen(core);
      await enrol(core, origin, number, LABEL, code);
      cores.push(core);
      return core;
    } catch (error) {
      await core?.close();
      log(`${number} is not on duty: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  };
  const codes = list(values.codes);
  const staff: LocalCore[] = [];
  for (const [index, number] of numbers.entries()) {
    const core = await enrolled(number, codes[index], (one) => {
      station.listen(one);
    });
    if (core !== null) staff.push(core);
  }
  await station.begin(staff, list(values.invite));
  log("the station's group is there");
  const head =
    commander === undefined
      ? null
      : await enrolled(commander, values["commander-code"], () => undefined);
  const without = head === null ? "the head of the force is not" : "so is the head of the force";
  say(
    `${String(staff.length)} of ${String(numbers.length)} simulated officers are on duty` +
      (commander === undefined ? "." : `; ${without}.`),
  );
  const unitId = (await staff[0]?.app.state())?.me?.unitId;
  if (head !== null && unitId !== undefined)
    await order(head, unitId).catch((error: unknown) => log(`an order failed: ${String(error)}`));
  await Promise.all([station.patrol(), head === null ? null : announce(head, options)]);
}

main().catch((error: unknown) => {
  say(`The simulated officers ended: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
});
