/**
 * The keys of this device's own cell, in a conversation of several cells: C opens what is sealed to
 * the cell.
 *
 * Invariant (K1): C is destroyed 48 h after a newer key of the cell, and after 9 days at the latest.
 * Runs in the conversation's queue.
 */
import type { Table, Transaction } from "./table.ts";
import { CellKeyFormat, cellOpener, openCellKey, type CellKey } from "../keys/cell-key.ts";
import type { SealOpener } from "../keys/committed.ts";
import { KEY_ID_BYTES, sealKeyId } from "../keys/device-key.ts";
import { idOf, type ConversationId, type SealKeyId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { DAY_MS, HOUR_MS } from "../keys/format/times.ts";
import type { CellKeyRecord } from "../records.ts";
import type { KeyContext } from "./openers.ts";

const FORMER_MS = 48 * HOUR_MS;
const LONGEST_MS = 9 * DAY_MS;

export class CellKeys {
  readonly #context: KeyContext;
  readonly #conversation: ConversationId;
  readonly #table: Table<CellKeyRecord>;

  constructor(context: KeyContext, conversation: ConversationId, table: Table<CellKeyRecord>) {
    this.#context = context;
    this.#conversation = conversation;
    this.#table = table;
  }

  async find(
    work: Transaction | null,
    keyId: SealKeyId,
  ): Promise<{ readonly record: CellKey; readonly secret: Uint8Array | null } | null> {
    const row = await this.#table.get(work, keyId);
    return row === null ? null : { ...row, record: CellKeyFormat.parse(row.record) };
  }

  async opener(work: Transaction, keyId: SealKeyId): Promise<SealOpener | null> {
    const found = await this.find(work, keyId);
    if (found === null || found.secret === null) return null;
    return cellOpener(found.record, found.secret);
  }

  /**
   * Take in a record of this cell, with this device's seal. Not held: C is missing here: ask for a
   * share. Failed: a seal is there and does not open, or the public key is another's (C2).
   */
  async take(
    work: Transaction,
    bytes: Uint8Array,
    seal: Uint8Array | null,
  ): Promise<{ readonly keyId: SealKeyId; readonly held: boolean; readonly failed: boolean }> {
    const record = CellKeyFormat.parse(bytes);
    if (idOf(record.conversation) !== this.#conversation)
      throw new Refused("S4", "another conversation's cell key");
    const keyId = sealKeyId(record);
    const known = await this.find(work, keyId);
    if (known !== null && known.secret !== null) return { keyId, held: true, failed: false };
    const secret = seal === null ? null : await this.#open(record, seal);
    this.#put(work, keyId, record, secret);
    if (secret !== null) await this.#forget(work, record);
    const held = secret !== null;
    return { keyId, held, failed: !held && seal !== null };
  }

  /** C of a record that is held, checked by the caller. */
  async takeSecret(work: Transaction, keyId: SealKeyId, secret: Uint8Array): Promise<void> {
    const known = await this.find(work, keyId);
    if (known === null) return;
    this.#put(work, keyId, known.record, secret);
    await this.#forget(work, known.record);
  }

  /** A key that this device made itself. */
  made(work: Transaction, record: CellKey, secret: Uint8Array): void {
    this.#put(work, sealKeyId(record), record, secret);
  }

  #put(work: Transaction, keyId: SealKeyId, record: CellKey, secret: Uint8Array | null): void {
    this.#table.put(work, keyId, { record: record.bytes, secret }, record.created);
  }

  /** H1: forget those from before an Incarnation, under which every cell has another. */
  async forgetLost(work: Transaction, incarnation: number): Promise<void> {
    for (const { record } of await this.#table.all()) {
      const parsed = CellKeyFormat.parse(record);
      if (parsed.epoch < incarnation) this.#table.delete(work, sealKeyId(parsed));
    }
  }

  async #open(record: CellKey, seal: Uint8Array): Promise<Uint8Array | null> {
    const own = await this.#context.ownKeys.opener(idOf(seal.subarray(0, KEY_ID_BYTES)));
    if (own === null) return null;
    try {
      return await openCellKey(record, seal, own);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  /** K1: keys whose time is over. */
  async #forget(work: Transaction, newest: CellKey): Promise<void> {
    const now = this.#context.time.now() ?? this.#context.now();
    for (const row of await this.#table.all()) {
      const record = CellKeyFormat.parse(row.record);
      const former = record.created < newest.created && now - newest.created > FORMER_MS;
      if (former || now - record.created > LONGEST_MS) this.#table.delete(work, sealKeyId(record));
    }
  }
}
