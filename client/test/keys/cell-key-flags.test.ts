import { IDBFactory } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import type { DeviceContext } from "#core/context.ts";
import type { Conversation } from "#core/conversation/conversation.ts";
import { Table, type Transaction } from "#core/conversation/table.ts";
import { idOf, type ConversationId, type SealKeyId } from "#core/ids.ts";
import { makeCellKey } from "#core/keys/cell-key.ts";
import { sealKeyId } from "#core/keys/device-key.ts";
import { ENC_BYTES, X25519 } from "#core/keys/hpke.ts";
import { concat, randomBytes } from "#core/octets.ts";
import { STORES, type CellKeyRecord } from "#core/records.ts";
import { CellKeys } from "#core/conversation/cell-keys.ts";
import { takeCellKeys } from "#core/secrets/making-cell-keys.ts";
import { Vault } from "#core/vault/vault.ts";

const NOW = 1_800_000_000_000;

it("C2: a device flags a cell key whose seal fails, and none that has no seal for it", async () => {
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
      flagCellKey: (_: ConversationId, { keyId }: { readonly keyId: SealKeyId }) => {
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
