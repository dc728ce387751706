/**
 * Sealing: one body under one key K, and K for each cell. Stages are types: an encrypted message
 * has its K and body and no header yet; a sealed one has header, signature and seals. Which seq a
 * message gets, and that it gets it once, is the business of sender.ts.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, randomBytes, toHex, type Bytes } from "../octets.ts";
import { KEY_BYTES, encryptBody, keyCommit, sealInfo, type MessagePlace } from "./body.ts";
import { TAG, X25519, XWING, type KemId } from "./format.ts";
import { NONCE_BYTES, cellsDigest, encodeHeader } from "./message.ts";
import type { Seal, SignedHeader } from "./message.ts";
import type { CellKeyRecord, Sign } from "./record.ts";
import { hpkeSeal } from "./kem.ts";
import { CellRefused } from "./refused.ts";

/** Where random bytes come from. Only tests pass another, to compare bytes. */
export interface Randomness {
  bytes(length: number): Bytes;
  /** HPKE's ephemeral key material for a cell's seal; undefined: HPKE's own randomness. */
  ephemeral(cellId: string): Bytes | undefined;
}

export const SYSTEM_RANDOMNESS: Randomness = {
  bytes: randomBytes,
  ephemeral: () => undefined,
};

export interface SealingOptions {
  readonly randomness?: Randomness;
  /** Called after each batch, last with done = total. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface EncryptedMessage extends MessagePlace {
  readonly kem: KemId;
  readonly prev: string;
  readonly sentMs: number;
  /** K. Whoever has it reads the message. */
  readonly key: Bytes;
  readonly iv: Uint8Array;
  readonly body: Bytes;
}

export interface SealedMessage {
  readonly header: SignedHeader;
  readonly body: Bytes;
  /** Cells ascending. */
  readonly seals: readonly Seal[];
}

export interface RosterSeen {
  readonly epoch: number;
  readonly hash: string;
}

export async function encryptMessage(
  fields: Omit<EncryptedMessage, "messageId" | "key" | "iv" | "body"> & {
    /** Random like all ids; made here where the caller has none yet. */
    readonly messageId?: string;
  },
  plaintext: Uint8Array,
  randomness: Randomness = SYSTEM_RANDOMNESS,
): Promise<EncryptedMessage> {
  const place = { ...fields, messageId: fields.messageId ?? toHex(randomness.bytes(16)) };
  const key = randomness.bytes(KEY_BYTES);
  const iv = randomness.bytes(NONCE_BYTES);
  return { ...place, key, iv, body: await encryptBody(place, key, iv, plaintext) };
}

/** X25519 mostly waits for WebCrypto; a seal of X-Wing is half a millisecond of computing. */
const AT_ONCE: Readonly<Record<KemId, number>> = { [X25519]: 16, [XWING]: 4 };
/** Between batches, timers and messages of the worker get their turn this often. */
const LONGEST_TURN_MS = 8;

/** By a port, because browsers make nested timers wait 4 ms. */
function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * A message's key for each of these cells, cells ascending. For the cells of a new message, for
 * those whose epoch went stale, and for cells that are founded later.
 */
export async function sealFor(
  message: Omit<MessagePlace, "seq"> & { readonly kem: KemId },
  key: Uint8Array,
  records: readonly CellKeyRecord[],
  options: SealingOptions = {},
): Promise<readonly Seal[]> {
  const { randomness = SYSTEM_RANDOMNESS, onProgress } = options;
  for (const record of records)
    if (record.kem !== message.kem || record.conversationId !== message.conversationId)
      throw new CellRefused("wrong_cells", "key of another conversation or KEM");
  const sealOne = async ({ cellId, keyId, publicKey }: CellKeyRecord): Promise<Seal> => {
    const info = sealInfo(message, cellId, keyId);
    const ephemeral = randomness.ephemeral(cellId);
    return { cellId, keyId, sealed: await hpkeSeal(message.kem, publicKey, info, key, ephemeral) };
  };
  const ascending = [...records].sort((a, b) => (a.cellId < b.cellId ? -1 : 1));
  const seals: Seal[] = [];
  let turnStarted = performance.now();
  for (let at = 0; at < ascending.length; at += AT_ONCE[message.kem]) {
    if (performance.now() - turnStarted > LONGEST_TURN_MS) {
      await nextTurn();
      turnStarted = performance.now();
    }
    seals.push(...(await Promise.all(ascending.slice(at, at + AT_ONCE[message.kem]).map(sealOne))));
    onProgress?.(seals.length, ascending.length);
  }
  return seals;
}

/** The signed header over these seals. */
export async function signMessage(
  message: EncryptedMessage,
  seals: readonly Seal[],
  roster: RosterSeen,
  sign: Sign,
): Promise<SealedMessage> {
  const fields = {
    kem: message.kem,
    conversationId: message.conversationId,
    messageId: message.messageId,
    sender: message.sender,
    seq: message.seq,
    prev: message.prev,
    rosterEpoch: roster.epoch,
    rosterHash: roster.hash,
    sentMs: message.sentMs,
    cellsDigest: cellsDigest(seals),
    keyCommit: keyCommit(message.key, message.messageId),
    iv: message.iv,
    bodyHash: toHex(sha256(message.body)),
  };
  const unsigned = encodeHeader(fields);
  const signature = new Uint8Array(await sign(concat(TAG.message, unsigned)));
  const header = { ...fields, unsigned, signature };
  const hash = toHex(sha256(concat(unsigned, signature)));
  return { header: { ...header, hash }, body: message.body, seals };
}
