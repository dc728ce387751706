/**
 * Servers and commands as processes that have imported everything already: to import takes two
 * seconds of a processor, and the tests start dozens. `tests/harness/forks.py` forks them; it lives
 * as long as the run of all tests.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { inject } from "vitest";
import { PLAIN, ROOT, python } from "./interpreter.ts";

declare module "vitest" {
  interface ProvidedContext {
    forks: string;
  }
}

export interface Forked {
  readonly pid: number;
  /** Its status, null while it runs: negative, the signal that ended it. */
  readonly status: () => number | null;
  readonly ended: Promise<number>;
}

/** Start what forks; returns where it listens, and how to end it. */
export async function startForks(): Promise<{ path: string; end: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), "copconnect-forks-"));
  const path = join(folder, "socket");
  const child = spawn(python(), ["-m", "tests.harness.forks", path], {
    ...{ cwd: ROOT, env: PLAIN, stdio: ["pipe", "pipe", "inherit"] },
  });
  await once(child.stdout, "data");
  const end = (): void => {
    child.stdin.end();
    rmSync(folder, { recursive: true, force: true });
  };
  return { path, end };
}

/** Start `python -m module args`, which appends what it says to files. */
export async function fork(
  module: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  output: string,
  errors = output,
): Promise<Forked> {
  const connection = createConnection(inject("forks"));
  const wanted = { module, arguments: args, environment: env, output, errors };
  connection.write(`${JSON.stringify(wanted)}\n`);
  const lines = createInterface(connection)[Symbol.asyncIterator]();
  const started = await lines.next();
  if (started.done === true) throw new Error(`${module} ${args.join(" ")}: nobody forks`);
  let status: number | null = null;
  const ended = lines.next().then(({ value }) => (status = Number(value)));
  return { pid: Number(started.value), status: () => status, ended };
}

/** Run it to its end; return what it printed. */
export async function forked(
  module: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "copconnect-command-"));
  const [output, errors] = [join(folder, "output"), join(folder, "errors")];
  try {
    const { ended } = await fork(module, args, env, output, errors);
    const status = await ended;
    const printed = readFileSync(output, "utf8");
    if (status !== 0)
      throw new Error(`${module} ${args.join(" ")}: ${printed}${readFileSync(errors, "utf8")}`);
    return printed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
