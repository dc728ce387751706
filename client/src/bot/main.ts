/**
 * The core of a bot, as its own process beneath src/copconnect/bot/core.py, and for commands
 * (src/copconnect/core_program) the verifier of exported conversations and cases, and the guard: calls
 * arrive on standard input, answers and events leave on standard output. It ends when the input does,
 * however its parent ended; the lock of the state file ends with it.
 */
import { openAsBlob } from "node:fs";
import { verifyExport } from "../exporting/telling.ts";
import { asFailure } from "../as-failure.ts";
import { failure } from "../failure.ts";
import { Model } from "../guard/model.ts";
import { actOf, readPolicy } from "../guard/policy.ts";
import { copy } from "../octets.ts";
import { callByName, opening } from "../remote.ts";
import { verifyCase } from "../reports/verifying.ts";
import type { GuardAct, GuardPlace } from "../seam/guard.ts";
import type { WebSocketMaker } from "../transport/socket.ts";
import { META, putMeta } from "../vault/changes.ts";
import { sqliteStorage, type Secret } from "../vault/sqlite.ts";
import { Vault } from "../vault/vault.ts";
import { BotCalls, readBefore } from "./calls.ts";
import { readCalls, writeFrame, type ProgramCall, type ProgramFrame } from "./frames.ts";

const SERVER = "program_server";
/** Fields of a verified export that hold content, not words. */
const BYTES: ReadonlySet<string> = new Set(["file", "picture"]);

let bot: BotCalls | null = null;

function tell(frame: ProgramFrame): void {
  writeFrame(process.stdout, frame);
}

class StateFile {
  /** `server`: of a registration; null: the one that the file names. */
  async open(path: string, secret: Secret, server: string | null): Promise<object> {
    const storage = sqliteStorage(path, secret);
    const name = path;
    const vault = new Vault({ name, now: Date.now, storage });
    await vault.open();
    if (server !== null) await vault.write([putMeta(SERVER, server)]);
    const origin = await vault.get<string>(META, SERVER);
    const wiped = (await vault.get(META, "signed_out")) !== null;
    const before = await readBefore(vault);
    vault.close();
    if (origin === null) throw failure("not_registered", { details: { wiped: Number(wiped) } });
    bot = new BotCalls(
      {
        ...{ origin, vaultName: name, storage, fetch, now: Date.now, random: Math.random },
        WebSocket: globalThis.WebSocket as unknown as WebSocketMaker,
        monotonic: () => performance.now(),
      },
      before,
      tell,
    );
    return { server: origin, state: await bot.start() };
  }

  async close(): Promise<void> {
    await bot?.close();
    bot = null;
  }
}

/** Exported files, verified without a device. */
class ExportedFile {
  /**
   * Returns everything that an exported conversation (docs/export.md) proves by the root, as JSON, without
   * files and pictures. `path`: as the system has it.
   */
  async verify(path: Uint8Array, rootKey: Uint8Array): Promise<string> {
    const found = await verifyExport(await openAsBlob(Buffer.from(path)), {
      department: { rootKey: copy(rootKey), departments: [], issuingKeys: [] },
      recordsOf: () => Promise.resolve([]),
      nowMs: Date.now(),
      onProgress: () => undefined,
    });
    return JSON.stringify(found, (name, value: unknown) => (BYTES.has(name) ? undefined : value));
  }

  case(file: Uint8Array, issuingKeys: readonly Uint8Array[]): Promise<string> {
    return verifyCase(file, issuingKeys);
  }
}

/** The guard, asked without a device. */
class GuardFiles {
  /** The act on each text in a place, at an hour of the policy, and the class that claims the text. */
  async judge(
    weights: Uint8Array,
    policy: string,
    place: GuardPlace,
    texts: readonly string[],
  ): Promise<readonly (readonly [GuardAct, string])[]> {
    const [model, rules] = [await Model.read(copy(weights)), readPolicy(policy)];
    return texts.map((text) => {
      const claimed = model.classify(text);
      return [actOf(rules, claimed, place, null, rules.hours[0]), claimed];
    });
  }
}

const stateFile = opening(() => new StateFile());
const exported = opening(() => new ExportedFile());
const guardFiles = opening(() => new GuardFiles());

/** The objects of src/copconnect/bot/core.py's calls, such as `bot.send` and `app.startOver`. */
function objects(): object {
  const opened = bot;
  return opened === null
    ? { stateFile, exported, guardFiles }
    : { ...opened.core, stateFile, bot: opening(() => opened) };
}

async function perform({ number, method, args }: ProgramCall): Promise<void> {
  try {
    const [object = "", name = ""] = method.split(".");
    const value = (await callByName(objects(), object, name, args)) ?? null;
    tell({ number, value });
  } catch (error) {
    const known = asFailure(error);
    // Standard error is the bot's log.
    if (known.code === "internal") process.stderr.write(`${String(error)}\n`);
    tell({ number, error: known.plain() });
  }
}

for await (const call of readCalls(process.stdin)) void perform(call);
process.exit();
