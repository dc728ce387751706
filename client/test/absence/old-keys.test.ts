import { idOf, type ConversationId, type KeyId } from "#core/ids.ts";
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Table, type Transaction } from "#core/conversation/table.ts";
import { conversationKeyId, makeConversationKey } from "#core/keys/conversation-key.ts";
import { DAY_MS, HOUR_MS } from "#core/keys/format/times.ts";
import { randomBytes } from "#core/octets.ts";
import { STORES, type CellKeyRecord, type ConversationKeyRecord } from "#core/records.ts";
import { Vault } from "#core/vault/vault.ts";
import { CellKeys } from "#core/conversation/cell-keys.ts";
import { ConversationKeys } from "#core/conversation/conversation-keys.ts";
import type { KeyContext } from "#core/conversation/openers.ts";
import type { DeviceContext } from "#core/context.ts";
import type { LogEntry, LogPage } from "#core/wire.ts";

const START_MS = 1_800_000_000_000;
const conversation = randomBytes(16);
let now = START_MS;
let vault: Vault;

beforeEach(async () => {
  globalThis.indexedDB = new IDBFactory();
  now = START_MS;
  vault = new Vault({ name: "keys", now: () => now });
  await vault.open();
});

afterEach(() => vault.close());

async function store(step: (work: Transaction) => Promise<unknown>): Promise<void> {
  const work: Transaction = { changes: [], afterwards: [], overlay: new Map() };
  await step(work);
  await vault.write(work.changes);
  for (const afterwards of work.afterwards) afterwards();
}

type Log = (conversation: ConversationId, asked: object) => Promise<Pick<LogPage, "entries">>;

interface Holder {
  readonly keys: ConversationKeys;
  /** A new key, which this device makes now. */
  readonly make: () => Promise<KeyId>;
}

/** A device that holds keys; `log`: the server's answer, `random`: whether it looks for old keys. */
function holder(log: Log, random = 0): Holder {
  const time: Pick<KeyContext["time"], "now"> = { now: () => now };
  const device = { now: () => now, time, ownKeys: null, random: () => random, api: { log } };
  const context = device as unknown as DeviceContext;
  const id = idOf<ConversationId>(conversation);
  const cellKeys = new CellKeys(
    context,
    id,
    new Table<CellKeyRecord>(vault, STORES.cellKeys, id, 8),
  );
  const table = new Table<ConversationKeyRecord>(vault, STORES.conversationKeys, id, 8);
  const keys = new ConversationKeys(context, id, table, cellKeys, store);
  const seed = randomBytes(32);
  const make = async (): Promise<KeyId> => {
    const secret = randomBytes(32);
    const at = { epoch: 1, head: randomBytes(32), headCreated: now, nowMs: now };
    const draft = { conversation, author: randomBytes(32), secret, ...at };
    const record = await makeConversationKey(draft, seed);
    await store((work) => Promise.resolve(keys.made(work, record, secret)));
    return conversationKeyId(record);
  };
  return { keys, make };
}

const since =
  (...times: number[]): Log =>
  () =>
    Promise.resolve({ entries: times.map((sentMs) => ({ sentMs })) as LogEntry[] });

/** Long enough for the look at the log, which nothing waits for. */
const LOOK_MS = 100;

/** Which of three keys a device still has: of the first day, of day 100, and of day 191. */
async function left({ keys, make }: Holder): Promise<readonly boolean[]> {
  const made = [await make()];
  now += 100 * DAY_MS;
  made.push(await make());
  now = START_MS + 191 * DAY_MS;
  made.push(await make());
  await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  return Promise.all(made.map(async (one) => (await keys.find(null, one)) !== null));
}

it("K1: S is destroyed once the log keeps nothing that it opens, with a later key", async () => {
  expect(await left(holder(since(START_MS + 20 * DAY_MS)))).toEqual([false, true, true]);
});

it("K1: an empty log keeps nothing of before", async () => {
  expect(await left(holder(since()))).toEqual([false, true, true]);
});

it.each([
  ["a held log keeps its messages, with S", since(START_MS + 1, START_MS + 190 * DAY_MS), 0],
  ["a message may be 25 hours younger than S", since(START_MS + 25 * HOUR_MS), 0],
  ["S stays without an answer", () => Promise.reject(new Error("offline")), 0],
  ["no new key waits for an answer", () => new Promise<never>(() => undefined), 0],
  ["few keys make a device look", since(), 0.5],
] as const)("K1: %s", async (_, log, random) => {
  expect(await left(holder(log, random))).toEqual([true, true, true]);
});
