import { idOf } from "#core/ids.ts";
import type { ConversationId } from "#core/ids.ts";
import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Table } from "#core/conversation/table.ts";
import type { Transaction } from "#core/conversation/table.ts";
import { conversationKeyId, makeConversationKey } from "#core/keys/conversation-key.ts";
import { DAY_MS } from "#core/keys/format/times.ts";
import { randomBytes } from "#core/octets.ts";
import { STORES } from "#core/records.ts";
import type { CellKeyRecord, ConversationKeyRecord } from "#core/records.ts";
import { Vault } from "#core/vault/vault.ts";
import { CellKeys } from "#core/secrets/cell-keys.ts";
import { ConversationKeys } from "#core/secrets/conversation-keys.ts";
import type { KeyContext } from "#core/secrets/openers.ts";

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

it("K1: S is destroyed once no log keeps what it opens, with the next key", async () => {
  const time: Pick<KeyContext["time"], "now"> = { now: () => now };
  const context = { now: () => now, time, ownKeys: null } as unknown as KeyContext;
  const id = idOf<ConversationId>(conversation);
  const cellKeys = new CellKeys(
    context,
    id,
    new Table<CellKeyRecord>(vault, STORES.cellKeys, id, 8),
  );
  const table = new Table<ConversationKeyRecord>(vault, STORES.conversationKeys, id, 8);
  const keys = new ConversationKeys(context, id, table, cellKeys);
  const seed = randomBytes(32);
  const make = async (): Promise<ReturnType<typeof conversationKeyId>> => {
    const secret = randomBytes(32);
    const at = { epoch: 1, head: randomBytes(32), headCreated: now, nowMs: now };
    const draft = { conversation, author: randomBytes(32), secret, ...at };
    const record = await makeConversationKey(draft, seed);
    await store((work) => keys.made(work, record, secret));
    return conversationKeyId(record);
  };
  const first = await make();
  now += 100 * DAY_MS;
  const second = await make();
  expect(await keys.find(null, first)).not.toBeNull();
  now = START_MS + 191 * DAY_MS;
  const third = await make();
  expect(await keys.find(null, first)).toBeNull();
  expect((await keys.newest()).map(({ keyId }) => keyId)).toEqual([third, second]);
});
