import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import type { DeviceContext } from "../../src/context.ts";
import type { Conversation } from "../../src/conversation/conversation.ts";
import { Table } from "../../src/conversation/table.ts";
import type { Transaction } from "../../src/conversation/table.ts";
import { idOf } from "../../src/ids.ts";
import type { ConversationId, SealKeyId } from "../../src/ids.ts";
import { makeCellKey } from "../../src/keys/cell-key.ts";
import { sealKeyId } from "../../src/keys/device-key.ts";
import { ENC_BYTES, X25519 } from "../../src/keys/hpke.ts";
import { concat, randomBytes } from "../../src/octets.ts";
import { STORES } from "../../src/records.ts";
import type { CellKeyRecord } from "../../src/records.ts";
import { CellKeys } from "../../src/secrets/cell-keys.ts";
import { takeCellKeys } from "../../src/secrets/making-cell-keys.ts";
import { Vault } from "../../src/vault/vault.ts";

const NOW = 1_800_000_000_000;

it("C2: a device marks a cell key whose seal fails, and none that has no seal for it", async () => {
  globalThis.indexedDB = new IDBFactory();
  const vault = new Vault({ name: "marks", now: () => NOW });
  await vault.open();
  const bytes = randomBytes(16);
  const id = idOf<ConversationId>(bytes);
  const own = randomBytes(16);
  const opener = { kem: X25519, keyId: own, privateKey: randomBytes(32) };
  const marked: SealKeyId[] = [];
  const context = {
    ...{ now: () => NOW, time: { now: () => NOW } },
    ownKeys: { opener: () => Promise.resolve(opener) },
    api: {
      markCellKey: (_: ConversationId, { keyId }: { readonly keyId: SealKeyId }) => {
        marked.push(keyId);
        return Promise.resolve();
      },
    },
  } as unknown as DeviceContext;
  const cellKeys = new CellKeys(
    context,
    id,
    new Table<CellKeyRecord>(vault, STORES.cellKeys, id, 8),
  );
  const conversation = {
    ...{ id, cellKeys },
    change: async (step: (work: Transaction) => Promise<unknown>) => {
      const work: Transaction = { changes: [], afterwards: [], overlay: new Map() };
      const found = await step(work);
      await vault.write(work.changes);
      return found;
    },
  } as unknown as Conversation;
  const record = await makeCellKey(
    {
      ...{ kem: X25519, conversation: bytes, cell: randomBytes(16), epoch: 1, generation: 1 },
      ...{ head: randomBytes(32), headCreated: NOW, author: randomBytes(32), nowMs: NOW },
      secret: randomBytes(32),
    },
    randomBytes(32),
  );
  const keyId = sealKeyId(record);
  const missing: SealKeyId[] = [];
  const take = (seal: Uint8Array | null) =>
    takeCellKeys(context, conversation, [{ record: record.bytes, seal }], (one) => {
      missing.push(one);
    });
  expect(await take(null)).toBe(false);
  expect([missing, marked]).toEqual([[keyId], []]);
  const rubbish = concat(own, randomBytes(ENC_BYTES[X25519] + 48));
  expect(await take(rubbish)).toBe(false);
  expect([missing, marked]).toEqual([[keyId, keyId], [keyId]]);
  vault.close();
});
