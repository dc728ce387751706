/**
 * The conversation keys that this device knows of: records, and S of the ones that it could open.
 *
 * Invariants: S matches its record's commitment (R6); a key is kept as long as the log keeps what it
 * opens, then destroyed (K1). Runs in the conversation's queue, but for the question which keys are old: no
 * message waits for its answer.
 */
import type { Table, Transaction } from "./table.ts";
import {
  ConversationKeyFormat,
  conversationKeyId,
  openConversationKey,
} from "../keys/conversation-key.ts";
import type { ConversationKey } from "../keys/conversation-key.ts";
import { idOf, type ConversationId, type KeyId } from "../ids.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { DAY_MS, HOUR_MS } from "../keys/format/times.ts";
import type { ConversationKeyRecord } from "../records.ts";
import type { CellKeys } from "./cell-keys.ts";
import { openerOf, type KeyContext } from "./openers.ts";
import type { DeviceContext } from "../context.ts";

/** A server keeps a log for 180 days at most (COPCONNECT_LOG_RETENTION_DAYS), unless it is held. */
const KEPT_MS = 190 * DAY_MS;
/** D1: the server takes messages under a key for 25 hours. */
const USED_MS = 26 * HOUR_MS;
/** The number of oldest keys looked at together. */
const LOOKED_AT = 64;
/** How many new keys pass, on average, before a device looks for old ones: a large conversation's
 * devices do not all ask its log at once. */
const SELDOM = 30;
/** The newest keys, of which a sender chooses. */
const NEWEST = 32;

export interface HeldKey {
  readonly keyId: KeyId;
  readonly record: ConversationKey;
  readonly secret: Uint8Array | null;
  readonly authorProof: Uint8Array | null;
  readonly firstSeq: number | null;
}

export class ConversationKeys {
  readonly #context: KeyContext & Pick<DeviceContext, "api" | "random">;
  readonly #conversation: ConversationId;
  readonly #table: Table<ConversationKeyRecord>;
  readonly #cellKeys: CellKeys;
  /** Runs a separate unit of work, after all that the queue has. */
  readonly #change: (step: (work: Transaction) => Promise<void>) => Promise<void>;

  constructor(
    context: KeyContext & Pick<DeviceContext, "api" | "random">,
    conversation: ConversationId,
    table: Table<ConversationKeyRecord>,
    cellKeys: CellKeys,
    change: (step: (work: Transaction) => Promise<void>) => Promise<void>,
  ) {
    this.#context = context;
    this.#conversation = conversation;
    this.#table = table;
    this.#cellKeys = cellKeys;
    this.#change = change;
  }

  async find(work: Transaction | null, keyId: KeyId): Promise<HeldKey | null> {
    const row = await this.#table.get(work, keyId);
    return row === null ? null : held(row);
  }

  /** The newest ones, newest first. */
  async newest(): Promise<readonly HeldKey[]> {
    return (await this.#table.page(null, NEWEST, true)).map(held);
  }

  /** Keys whose ids begin with one of these references (16 bytes, hex). */
  async referred(references: ReadonlySet<string>): Promise<readonly HeldKey[]> {
    if (references.size === 0) return [];
    const all = (await this.#table.all()).map(held);
    return all.filter(({ keyId }) => references.has(keyId.slice(0, 32)));
  }

  /**
   * Take in a record, with this device's or its cell's seal. A seal that does not open, or not to
   * the record's S, is as good as none: a share will bring S.
   */
  async learn(work: Transaction, bytes: Uint8Array, seal: Uint8Array | null): Promise<HeldKey> {
    const record = ConversationKeyFormat.parse(bytes, "R6");
    const same = idOf(record.conversation) === this.#conversation;
    refuseUnless(same, "R6", "record of another conversation");
    const known = await this.find(work, conversationKeyId(record));
    if (known !== null && (known.secret !== null || seal === null)) return known;
    const secret = seal === null ? null : await this.#open(work, record, seal);
    if (known !== null && secret === null) return known;
    if (known === null) this.#lookForOld(work);
    const { authorProof = null, firstSeq = null } = known ?? {};
    return this.#put(work, { record: record.bytes, secret, authorProof, firstSeq }, record);
  }

  /** S of a record that is held, checked by the caller against its commitment. */
  async takeSecret(work: Transaction, keyId: KeyId, secret: Uint8Array): Promise<void> {
    const known = await this.find(work, keyId);
    if (known === null || known.secret !== null) return;
    const { record, authorProof, firstSeq } = known;
    this.#put(work, { record: record.bytes, secret, authorProof, firstSeq }, record);
  }

  /** A key that this device made itself. */
  made(work: Transaction, record: ConversationKey, secret: Uint8Array): HeldKey {
    this.#lookForOld(work);
    const row = { record: record.bytes, secret, authorProof: null, firstSeq: null };
    return this.#put(work, row, record);
  }

  /** The author was listed at the record's roster epoch (S2): not asked again. */
  authorProven(work: Transaction, key: HeldKey, authorProof: Uint8Array): void {
    const { record, secret, firstSeq } = key;
    this.#put(work, { record: record.bytes, secret, authorProof, firstSeq }, record);
  }

  /** An entry at this position is under the key: counts how much it was used (S2). */
  seen(work: Transaction, key: HeldKey, position: number): void {
    if (key.firstSeq !== null && key.firstSeq <= position) return;
    const { record, secret, authorProof } = key;
    this.#put(work, { record: record.bytes, secret, authorProof, firstSeq: position }, record);
  }

  /**
   * H1: forget the keys from before an Incarnation that open nothing up to this position. A backup
   * that lost their heads may have forgotten a removal: they must be passed on to nobody.
   */
  async forgetLost(work: Transaction, position: number, incarnation: number): Promise<void> {
    for (const { keyId, record, firstSeq } of (await this.#table.all()).map(held))
      if (record.epoch < incarnation && (firstSeq === null || firstSeq > position))
        this.#table.delete(work, keyId);
  }

  /** With one new key in SELDOM, look for old ones once this work is stored. */
  #lookForOld(work: Transaction): void {
    if (this.#context.random() * SELDOM >= 1) return;
    work.afterwards.push(() => void this.#forgetOld().catch(() => undefined));
  }

  /**
   * K1: destroy what opens nothing that the log still keeps. The log's oldest message says what that
   * is: a legal hold keeps it longer. Without an answer the keys stay until a later look.
   */
  async #forgetOld(): Promise<void> {
    const now = this.#context.time.now() ?? this.#context.now();
    const rows = (await this.#table.page(null, LOOKED_AT, false)).map(held);
    const old = rows.filter(({ record }) => now - record.created > KEPT_MS);
    if (old.length === 0) return;
    // Two entries: the first may be a state that outlived what came after it.
    const page = await this.#context.api.log(this.#conversation, { after: 0, limit: 2 });
    const oldestMs = page.entries[0]?.sentMs ?? now;
    const useless = old.filter(({ record }) => record.created + USED_MS < oldestMs);
    if (useless.length === 0) return;
    await this.#change((work) => {
      for (const { keyId } of useless) this.#table.delete(work, keyId);
      return Promise.resolve();
    });
  }

  async #open(
    work: Transaction,
    record: ConversationKey,
    seal: Uint8Array,
  ): Promise<Uint8Array | null> {
    const opener = await openerOf(this.#context, this.#cellKeys, work, seal);
    if (opener === null) return null;
    try {
      return await openConversationKey(record, seal, opener);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  #put(work: Transaction, row: ConversationKeyRecord, record: ConversationKey): HeldKey {
    const keyId = conversationKeyId(record);
    this.#table.put(work, keyId, row, record.created);
    return { keyId, ...row, record };
  }
}

function held(row: ConversationKeyRecord): HeldKey {
  const record = ConversationKeyFormat.parse(row.record, "R6");
  return { keyId: conversationKeyId(record), ...row, record };
}
