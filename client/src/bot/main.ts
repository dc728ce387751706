/**
 * The core of a bot, as a process of its own beneath src/copconnect/bot/core.py: calls arrive on
 * standard input, answers and events leave on standard output. It ends when the input does, however
 * its parent ended; the lock of the state file ends with it.
 */
import { asFailure, failure } from "../failure.ts";
import type { ConfirmationId } from "../ids.ts";
import type { WebSocketMaker } from "../transport/socket.ts";
import { META, putMeta } from "../vault/meta.ts";
import { sqliteStorage } from "../vault/sqlite.ts";
import type { Secret } from "../vault/sqlite.ts";
import { Vault } from "../vault/vault.ts";
import { BotCalls, readBefore } from "./calls.ts";
import { readCalls, writeFrame } from "./frames.ts";
import type { Call, Frame } from "./frames.ts";

const SERVER = "program_server";
const LANGUAGE = "en";

let bot: BotCalls | null = null;

function opened(): BotCalls {
  if (bot === null) throw failure("locked");
  return bot;
}

function tell(frame: Frame): void {
  writeFrame(process.stdout, frame);
}

/** Open a state file. `server`: of a registration; null: the one that the file names. */
async function open(path: string, secret: Secret, server: string | null): Promise<object> {
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

async function close(): Promise<void> {
  await bot?.close();
  bot = null;
}

/** Every method that may be called. Arguments are as src/copconnect/bot/core.py types them. */
const METHODS = {
  open,
  close,
  state: async () => opened().start(),
  comparisons: () => opened().comparisons(),
  answerConfirmation: (id: ConfirmationId) => opened().core.devices.answerConfirmation(id),
  status: () => opened().status(),
  startOver: () => opened().core.app.startOver(),
  requestCode: (number: string) => opened().core.registration.requestCode(number, LANGUAGE),
  submitCode: (...args: Parameters<BotCalls["core"]["registration"]["submitCode"]>) =>
    opened().core.registration.submitCode(...args),
  submitEnrolmentCode: (ticket: string, code: string) =>
    opened().core.registration.submitEnrolmentCode(ticket, code),
  registerClient: (ticket: string, label: string) => opened().core.app.register(ticket, label),
  conductCode: () => opened().core.conduct.code(LANGUAGE),
  acceptConduct: (version: number) => opened().core.app.acceptConduct(version, LANGUAGE),
  me: async () => (await opened().core.app.state()).me,
  conversations: () => opened().conversations(),
  direct: (...args: Parameters<BotCalls["direct"]>) => opened().direct(...args),
  createGroup: (...args: Parameters<BotCalls["createGroup"]>) => opened().createGroup(...args),
  findPeople: (text: string, limit: number) => opened().findPeople(text, limit),
  next: (...args: Parameters<BotCalls["next"]>) => opened().next(...args),
  settle: (...args: Parameters<BotCalls["settle"]>) => opened().settle(...args),
  file: (...args: Parameters<BotCalls["file"]>) => opened().file(...args),
  post: (...args: Parameters<BotCalls["post"]>) => opened().post(...args),
  settled: (...args: Parameters<BotCalls["settled"]>) => opened().settled(...args),
  acknowledge: (...args: Parameters<BotCalls["acknowledge"]>) => opened().acknowledge(...args),
  acknowledgements: (...args: Parameters<BotCalls["acknowledgements"]>) =>
    opened().acknowledgements(...args),
};

async function perform({ number, method, args }: Call): Promise<void> {
  try {
    if (!Object.hasOwn(METHODS, method)) throw failure("not_found");
    const run = METHODS[method as keyof typeof METHODS] as (...given: unknown[]) => unknown;
    const value = (await run(...args)) ?? null;
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
