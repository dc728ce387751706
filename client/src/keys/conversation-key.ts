/**
 * ConversationKey record (docs/keys.md): its author's commitment to S, under which messages
 * are encrypted. Its key id is the hash of the record. Keys are not numbered: two authors at once
 * make two keys, and both serve.
 */
import type { Bytes } from "../octets.ts";
import { commitmentOf, requireCommitted, sealTo, unseal, type SealOpener } from "./committed.ts";
import type { SealTarget } from "./device-key.ts";
import { idOf, type KeyId } from "../ids.ts";
import { RecordFormat, bytes, integer, type RecordOf } from "./format/record.ts";

export const ConversationKeyFormat = new RecordFormat(
  { label: "copconnect conversation-key v1", rule: "S2", version: 1 },
  {
    conversation: bytes(16),
    author: bytes(32),
    epoch: integer(8),
    head: bytes(32),
    created: integer(8),
    commit: bytes(32),
  },
);
export type ConversationKey = RecordOf<typeof ConversationKeyFormat>;

function committed(key: ConversationKey) {
  return { purpose: "key", place: key.conversation, commit: key.commit, hash: key.hash } as const;
}

export function conversationKeyId(key: ConversationKey): KeyId {
  return idOf(key.hash);
}

/** The name of a key in share requests and receipts: the first 16 bytes of its id. */
export function keyReference(keyId: KeyId): string {
  return keyId.slice(0, 32);
}

export interface NewConversationKey {
  readonly conversation: Uint8Array;
  readonly author: Uint8Array;
  /** The newest head, and its hash. */
  readonly epoch: number;
  readonly head: Uint8Array;
  readonly headCreated: number;
  readonly nowMs: number;
  /** S: 32 random bytes. */
  readonly secret: Uint8Array;
}

/** R6: created is the later of the author's clock and the head's. */
export function makeConversationKey(
  draft: NewConversationKey,
  privateKey: Uint8Array,
): Promise<ConversationKey> {
  const { conversation, author, epoch, head, secret } = draft;
  const created = Math.max(draft.nowMs, draft.headCreated);
  const commit = commitmentOf("key", secret, conversation);
  const values = { conversation, author, epoch, head, created, commit };
  return ConversationKeyFormat.sign(values, privateKey);
}

/** S to a device key or a cell key. */
export function sealConversationKey(
  key: ConversationKey,
  secret: Uint8Array,
  target: SealTarget,
): Promise<Bytes> {
  return sealTo(committed(key), secret, target);
}

/** S, compared with the commitment. R6 refuses what does not open to it: ask for a share. */
export async function openConversationKey(
  key: ConversationKey,
  seal: Uint8Array,
  opener: SealOpener,
): Promise<Bytes> {
  const secret = await unseal(committed(key), seal, opener, "R6");
  requireConversationSecret(key, secret);
  return secret;
}

export function requireConversationSecret(key: ConversationKey, secret: Uint8Array): void {
  requireCommitted(committed(key), secret, "R6");
}
