/**
 * The real server as a child process on its own data folder, and people who register with it
 * the way officers do. It is the demo's server: one-time codes go where a test can read them.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command, departmentFolder } from "./data-folder.ts";
import { fork, type Forked } from "./forks.ts";
import { PLAIN, python } from "./interpreter.ts";

/**
 * A port that nobody listens on, below the ports that systems give to outgoing connections: one of
 * those may be lent out before the server binds it, or while a test has stopped the server.
 */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const port = randomInt(12_000, 32_000);
    const probe = createServer();
    probe.once("error", () => resolve(freePort()));
    probe.listen(port, "127.0.0.1", () => {
      probe.close(() => resolve(port));
    });
  });
}

export class TestServer {
  readonly folder: string;
  readonly port: number;
  #environment: NodeJS.ProcessEnv;
  #process: Forked | null = null;
  readonly #codes = new Map<string, string>();

  private constructor(folder: string, port: number, settings: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.port = port;
    this.#environment = {
      ...PLAIN,
      COPCONNECT_OTP_NUMBERS_PER_ADDRESS_PER_HOUR: "100000",
      COPCONNECT_OTP_PER_NUMBER_AND_ADDRESS_PER_DAY: "1000",
      COPCONNECT_OTP_PER_NUMBER_PER_DAY: "1000",
      COPCONNECT_OTP_RESEND_MS: "0",
      COPCONNECT_TRAINING_BEFORE_LARGE: "no",
      ...settings,
    };
  }

  get origin(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** A server with a data bank, running. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<TestServer> {
    const folder = mkdtempSync(join(tmpdir(), "copconnect-test-"));
    const server = new TestServer(folder, await freePort(), settings);
    cpSync(await departmentFolder(), folder, { recursive: true });
    await server.serve();
    return server;
  }

  command(...args: readonly string[]): Promise<string> {
    return command(this.folder, this.#environment, args);
  }

  /** `changed`: settings that are others from now on. */
  async serve(changed: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#environment = { ...this.#environment, ...changed };
    const log = join(this.folder, "log");
    const given = ["serve", "--data", join(this.folder, "data"), "--port", String(this.port)];
    const child = await fork("demo", given, this.#environment, log);
    this.#process = child;
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline && child.status() === null) {
      const up = await fetch(`${this.origin}/healthz`).then(
        (answer) => answer.ok,
        () => false,
      );
      if (up) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the server did not start: ${this.story()}`);
  }

  story(): string {
    return readFileSync(join(this.folder, "log"), "utf8").slice(-6000);
  }

  /** The kernel refuses what would make a file of the server larger than this; null: no more. */
  limitFiles(bytes: number | null): void {
    const script = [
      "import resource, sys",
      "pid, size = int(sys.argv[1]), int(sys.argv[2])",
      "hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]",
      "resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size < 0 else size, hard))",
    ].join("\n");
    const pid = String(this.#process?.pid);
    const run = spawnSync(python(), ["-c", script, pid, String(bytes ?? -1)], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(run.stderr);
  }

  /** Rows of the server's database; bytes as hex. A statement that changes it is committed. */
  rows(query: string, ...values: readonly string[]): readonly (readonly unknown[])[] {
    const script = [
      "import json, sqlite3, sys",
      "c = sqlite3.connect(sys.argv[1], timeout=30)",
      "with c: print(json.dumps(c.execute(sys.argv[2], sys.argv[3:]).fetchall(), default=bytes.hex))",
    ].join("\n");
    const file = join(this.folder, "data", "copconnect.sqlite3");
    const run = spawnSync(python(), ["-c", script, file, query, ...values], { encoding: "utf8" });
    if (run.status !== 0) throw new Error(run.stderr);
    return JSON.parse(run.stdout) as readonly (readonly unknown[])[];
  }

  /** As a power cut does. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.status() !== null) return;
    process.kill(child.pid, "SIGKILL");
    await child.ended;
  }

  /** End for good and remove the folder. */
  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The newest one-time code that was sent to a number and not asked for before. */
  async codeFor(number: string): Promise<string> {
    const query = new URLSearchParams({ number });
    const deadline = Date.now() + 10_000;
    for (;;) {
      const answer = await fetch(`${this.origin}/v1/demo/outbox?${query.toString()}`);
      const texts = (await answer.json()) as { text: string }[];
      const newest = JSON.stringify(texts[0] ?? null);
      const code = /\b\d{6}\b/.exec(texts[0]?.text ?? "")?.[0];
      if (code !== undefined && this.#codes.get(number) !== newest) {
        this.#codes.set(number, newest);
        return code;
      }
      if (Date.now() > deadline) throw new Error(`no code for ${number}: ${newest}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
