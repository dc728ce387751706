/**
 * Receiving a sealed message: the checks of CELLS.md section 3, in its order, each with codes of its
 * own (refused.ts). Pure: certificates, roster, chains and seeds are asked for through `Receiver`.
 * Step 9, storing plaintext and chain place in one transaction, is the caller's; K never leaves
 * this file and is erased here.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { concat, copy, equalBytes, toHex, type Bytes } from "../octets.ts";
import { decryptBody, keyCommit, sealInfo } from "./body.ts";
import { judgeChain, type ChainPlace, type Continuation } from "./chain.ts";
import { TAG, type KemId } from "./format.ts";
import { parseSeal, parseSignedHeader, type SignedHeader } from "./message.ts";
import { hpkeOpen } from "./kem.ts";
import type { Verify } from "./record.ts";
import { CellRefused } from "./refused.ts";

/** A message under a roster that was replaced longer ago than this is refused. */
export const ROSTER_MAY_BE_BEHIND_MS = 3_600_000;

export interface Sender {
  readonly personId: string;
  readonly clientId: string;
  readonly publicKey: Uint8Array;
}

/** One epoch of the signed roster. */
export interface RosterAt {
  /** SHA-256 of the head, hex. */
  readonly hash: string;
  /** When the head after it was made; null while it is the newest. */
  readonly supersededMs: number | null;
}

export interface Receiver {
  readonly conversationId: string;
  readonly cellId: string;
  readonly kem: KemId;
  /** When the DS ordered the message. */
  readonly atMs: number;
  /**
   * The device of this certificate, if it chains to the CA, is a client's, was valid and not
   * revoked at `atMs`, and the signed roster of that epoch names it (in any cell).
   */
  sender(
    certificateHash: string,
    rosterEpoch: number,
    atMs: number,
  ): Promise<Sender | "refused" | "not_in_roster">;
  /** This client's own copy at that epoch; null when it does not know the epoch yet. */
  roster(epoch: number): Promise<RosterAt | null>;
  /** Where this conversation stands with one sender device. */
  last(clientId: string): Promise<ChainPlace | null>;
  /** The seed of an epoch of this cell that is still held. */
  seed(keyId: string): Promise<Uint8Array | null>;
  readonly verify: Verify;
}

/** A message as it is delivered, in its parts. */
export interface Delivered {
  /** header ‖ signature, 327 bytes. */
  readonly sealed: Uint8Array;
  readonly body: Uint8Array;
  /** The own cell's; null while it is still to come. */
  readonly seal: Uint8Array | null;
}

/** A message that passed steps 1 to 5. */
export interface Checked {
  readonly header: SignedHeader;
  readonly sender: Sender;
  readonly body: Bytes;
  readonly continuation: Continuation;
  /** The chain's new place, to be stored in one transaction with what the message gave. */
  readonly place: ChainPlace;
}

export interface Opened extends Checked {
  readonly plaintext: Bytes;
}

/** Steps 1 to 8; throws CellRefused. */
export async function openMessage(delivered: Delivered, receiver: Receiver): Promise<Opened> {
  const checked = await checkMessage(delivered, receiver);
  if (delivered.seal === null)
    throw new CellRefused("seal_missing", "this cell's seal is still to come");
  return { ...checked, plaintext: await readMessage(checked, delivered.seal, receiver) };
}

/**
 * Steps 1 to 5. A message whose seal is still to come is stored with its place once it is checked.
 * When the seal comes, check it again with a `last` that answers null, then `readMessage`.
 */
export async function checkMessage(delivered: Delivered, receiver: Receiver): Promise<Checked> {
  const header = parseFor(receiver, delivered.sealed);
  const body = copy(delivered.body);
  const sender = await requireSender(receiver, header);
  await requireSigned(receiver, header, body, sender);
  await requireRoster(receiver, header);
  const continuation = judgeChain(await receiver.last(sender.clientId), header);
  return { header, sender, body, continuation, place: { seq: header.seq, hash: header.hash } };
}

/** Steps 6 to 8: the plaintext of a checked message. */
export async function readMessage(
  { header, body }: Checked,
  seal: Uint8Array,
  receiver: Pick<Receiver, "cellId" | "seed">,
): Promise<Bytes> {
  const key = await openSeal(receiver, header, seal);
  try {
    requireCommitted(header, key);
    return await decryptBody(header, key, header.iv, body);
  } finally {
    key.fill(0);
  }
}

/** Step 1. */
function parseFor(receiver: Receiver, sealed: Uint8Array): SignedHeader {
  const header = parseSignedHeader(sealed);
  if (header.kem !== receiver.kem)
    throw new CellRefused("wrong_kem", "the conversation has another KEM");
  if (header.conversationId !== receiver.conversationId)
    throw new CellRefused("wrong_conversation", "message of another conversation");
  return header;
}

/** Step 2. */
async function requireSender(receiver: Receiver, header: SignedHeader): Promise<Sender> {
  const sender = await receiver.sender(header.sender, header.rosterEpoch, receiver.atMs);
  if (sender === "refused")
    throw new CellRefused("sender_refused", "the sender's certificate is refused");
  if (sender === "not_in_roster")
    throw new CellRefused("sender_not_in_roster", "the roster does not name the sender");
  return sender;
}

/** Step 3. */
async function requireSigned(
  receiver: Receiver,
  header: SignedHeader,
  body: Uint8Array,
  sender: Sender,
): Promise<void> {
  const signed = concat(TAG.message, header.unsigned);
  if (!(await receiver.verify(sender.publicKey, signed, header.signature)))
    throw new CellRefused("bad_signature", "the sender's signature is wrong");
  if (toHex(sha256(body)) !== header.bodyHash)
    throw new CellRefused("body_mismatch", "the body is not the one that was signed");
}

/** Step 4. */
async function requireRoster(receiver: Receiver, header: SignedHeader): Promise<void> {
  const own = await receiver.roster(header.rosterEpoch);
  if (own === null) throw new CellRefused("roster_unknown", "roster epoch not known yet");
  if (own.hash !== header.rosterHash)
    throw new CellRefused("roster_fork", "the sender saw another roster for that epoch");
  if (own.supersededMs !== null && receiver.atMs - own.supersededMs > ROSTER_MAY_BE_BEHIND_MS)
    throw new CellRefused("roster_behind", "sealed under a roster that was replaced long before");
}

/** Step 6. */
async function openSeal(
  receiver: Pick<Receiver, "cellId" | "seed">,
  header: SignedHeader,
  bytes: Uint8Array,
): Promise<Bytes> {
  const seal = parseSeal(bytes, header.kem);
  if (seal.cellId !== receiver.cellId)
    throw new CellRefused("wrong_cell", "the seal is for another cell");
  const seed = await receiver.seed(seal.keyId);
  if (seed === null) throw new CellRefused("key_unknown", "sealed to an epoch that is not held");
  return hpkeOpen(header.kem, seed, sealInfo(header, seal.cellId, seal.keyId), seal.sealed);
}

/** Step 7: otherwise a sender could make two cells read two messages. */
function requireCommitted(header: SignedHeader, key: Uint8Array): void {
  if (!equalBytes(keyCommit(key, header.messageId), header.keyCommit))
    throw new CellRefused("key_commit_mismatch", "the sealed key is not the one committed to");
}
