/**
 * What tests of sealed messages share: cells with seeds and records, a sender with a real key, a
 * receiver in one cell, and a counted source of randomness that gives the same bytes every time.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { ChainPlace } from "../src/cells/chain.ts";
import { XWING, type KemId } from "../src/cells/format.ts";
import { encodeSeal, encodeSignedHeader, type Seal } from "../src/cells/message.ts";
import { makeRecord, type CellKeyRecord, type Sign } from "../src/cells/record.ts";
import type { Delivered, Receiver, RosterAt, Sender } from "../src/cells/open.ts";
import type { Randomness, RosterSeen, SealedMessage } from "../src/cells/seal.ts";
import { SenderChain, type Draft } from "../src/cells/sender.ts";
import { concat, copy, toHex, u32, utf8, type Bytes } from "../src/octets.ts";
import { ed25519PublicKey, nobleEd25519, platformEd25519 } from "../src/trust/ed25519.ts";

/** Bytes that depend on their name only. */
export function fixed(name: string, length = 32): Bytes {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) =>
    sha256(concat(utf8(name), u32(block))),
  );
  return concat(...blocks).slice(0, length);
}

export function fixedId(name: string): string {
  return toHex(fixed(name, 16));
}

/** The same bytes in the same order for every run. */
export function fixedRandomness(name: string, kem: KemId): Randomness {
  let calls = 0;
  return {
    bytes: (length) => fixed(`${name} ${String(calls++)}`, length),
    ephemeral: (cellId) => fixed(`${name} ephemeral ${cellId}`, kem === XWING ? 64 : 32),
  };
}

export interface TestCell {
  readonly cellId: string;
  readonly seed: Bytes;
  readonly record: CellKeyRecord;
}

export const SENT_MS = 1_764_000_000_000;

export class CellTown {
  readonly conversationId = fixedId("conversation");
  readonly privateKey = fixed("sender's key");
  readonly publicKey = copy(ed25519PublicKey(this.privateKey));
  /** Stands for the hash of the sender's certificate. */
  readonly sender = toHex(fixed("sender's certificate"));
  readonly roster: RosterSeen = { epoch: 7, hash: toHex(fixed("roster head 7")) };
  readonly kem: KemId;
  readonly cells: readonly TestCell[];

  private constructor(kem: KemId, cells: readonly TestCell[]) {
    this.kem = kem;
    this.cells = cells;
  }

  static async found(kem: KemId, count = 3): Promise<CellTown> {
    const cells: TestCell[] = [];
    const empty = new CellTown(kem, cells);
    for (let i = 0; i < count; i++) cells.push(await empty.cell(`cell ${String(i)}`, 4));
    return empty;
  }

  readonly sign: Sign = (message) => nobleEd25519.sign(this.privateKey, message);

  /** A cell's key at an epoch; the same name and epoch give the same bytes. */
  async cell(name: string, epoch: number): Promise<TestCell> {
    const cellId = fixedId(name);
    const seed = fixed(`${name} seed ${String(epoch)}`);
    const fields = {
      kem: this.kem,
      conversationId: this.conversationId,
      cellId,
      epoch,
      treeHash: toHex(fixed(`${name} tree ${String(epoch)}`)),
      rosterEpoch: this.roster.epoch,
      createdMs: SENT_MS - 60_000,
      signer: this.sender,
    };
    return { cellId, seed, record: await makeRecord(fields, seed, this.sign) };
  }

  draft(text: string, cells = this.cells): Draft {
    return {
      kem: this.kem,
      sender: this.sender,
      sentMs: SENT_MS,
      plaintext: utf8(text),
      records: cells.map((cell) => cell.record),
      roster: this.roster,
    };
  }

  /** A chain's first messages, each accepted at once. */
  async messages(
    count: number,
    chain = SenderChain.first(this.conversationId),
  ): Promise<SealedMessage[]> {
    const sealed: SealedMessage[] = [];
    for (let i = 0; i < count; i++) {
      const message = await chain.seal(this.draft(`message ${String(i + 1)}`), this.sign);
      chain.accepted(message.header.hash);
      sealed.push(message);
    }
    return sealed;
  }

  /** A member of one cell who knows everything it should; `change` what a test needs otherwise. */
  async receiver(cell: TestCell, change: Partial<Receiver> = {}): Promise<Receiver> {
    const sender: Sender = {
      personId: fixedId("sender"),
      clientId: fixedId("sender's client"),
      publicKey: this.publicKey,
    };
    const roster: RosterAt = { hash: this.roster.hash, supersededMs: null };
    const { verify } = await platformEd25519();
    return {
      conversationId: this.conversationId,
      cellId: cell.cellId,
      kem: this.kem,
      atMs: SENT_MS + 1000,
      sender: (hash) => Promise.resolve(hash === this.sender ? sender : "refused"),
      roster: (epoch) => Promise.resolve(epoch === this.roster.epoch ? roster : null),
      last: () => Promise.resolve(null),
      seed: (keyId) => Promise.resolve(keyId === cell.record.keyId ? copy(cell.seed) : null),
      verify,
      ...change,
    };
  }
}

export function sealOf(message: SealedMessage, cell: TestCell): Seal {
  const seal = message.seals.find(({ cellId }) => cellId === cell.cellId);
  if (seal === undefined) throw new Error("no seal for this cell");
  return seal;
}

export function deliveredTo(
  message: SealedMessage,
  cell: TestCell,
): Record<keyof Delivered, Bytes> {
  return {
    sealed: encodeSignedHeader(message.header),
    body: message.body,
    seal: encodeSeal(sealOf(message, cell)),
  };
}

export function placeOf(message: SealedMessage): ChainPlace {
  return { seq: message.header.seq, hash: message.header.hash };
}
