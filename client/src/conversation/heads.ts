/**
 * The signed heads of one conversation, and who is listed under them.
 *
 * Invariants: only heads that the roster authority signed are held; one epoch has one head, and
 * another one is refused (R4); a leaf proven under a head stays proven, so proofs are remembered
 * in memory and asked for again after a restart. Runs in the conversation's queue; asking the server
 * inside it delays this conversation alone.
 */
import type { Table } from "./table.ts";
import type { UnitOfWork } from "./unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import type { ConversationId, DeviceId, PersonId } from "../ids.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { Reader } from "../keys/format/fields.ts";
import { CLOCKS_MS } from "../keys/format/times.ts";
import { equalBytes, fromHex } from "../octets.ts";
import type { HeadRecord } from "../records.ts";
import { RosterHeadFormat, checkHead, checkLaterHead } from "../keys/roster/head.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import { authorityNumberOf } from "../keys/trust/department.ts";
import { readLeaf } from "../keys/roster/leaf.ts";
import { checkProof, type Listed } from "../keys/roster/proof.ts";
import type { EpochProof } from "../wire.ts";

const MOST_LISTED = 4_000;

export class Heads {
  readonly #context: DeviceContext;
  readonly #conversation: ConversationId;
  readonly #table: Table<HeadRecord>;
  readonly #checked = new Map<string, RosterHead>();
  readonly #listed = new Map<string, Listed>();
  /** The newest head, and since when this connection has known it by this device's clock. */
  #known = { epoch: 0, sinceMs: 0 };
  #settled = 0;
  /** R10: whether a person's leaf counts in this conversation. */
  readonly #isParty: (person: PersonId) => boolean;

  constructor(
    context: DeviceContext,
    conversation: ConversationId,
    table: Table<HeadRecord>,
    isParty: (person: PersonId) => boolean,
  ) {
    this.#isParty = isParty;
    this.#context = context;
    this.#conversation = conversation;
    this.#table = table;
  }

  /** A head that is held; null: ask {@link require}. */
  async find(work: UnitOfWork | null, epoch: number): Promise<RosterHead | null> {
    const row = await this.#table.get(work, String(epoch));
    return row === null ? null : this.#parse(row.head);
  }

  async newest(work: UnitOfWork | null, headEpoch: number): Promise<RosterHead | null> {
    return headEpoch === 0 ? null : this.find(work, headEpoch);
  }

  /**
   * Check a head and hold it. Refuses (R4) another head of an epoch that is held, but for a former
   * roster authority's: a thief may have signed the one that is held.
   */
  async takeHead(work: UnitOfWork, bytes: Uint8Array): Promise<RosterHead> {
    const head = await this.#parse(bytes);
    const held = await this.find(work, head.epoch);
    if (held !== null) {
      if (equalBytes(held.hash, head.hash)) return held;
      const { authorityNumber } = this.#context.trust.department;
      const former = authorityNumberOf(head.epoch) < authorityNumber;
      refuseUnless(former, "R4", "another roster head");
    }
    const newest = await this.newest(work, work.record.headEpoch);
    if (newest !== null && newest.epoch < head.epoch) checkLaterHead(newest, head);
    if (newest !== null && newest.epoch > head.epoch) checkLaterHead(head, newest);
    this.#table.put(work, String(head.epoch), { head: head.bytes }, head.epoch);
    if (head.epoch > work.record.headEpoch) {
      work.set({ headEpoch: head.epoch, devices: head.devices });
      work.afterwards.push(() => this.#learnt(head.epoch));
    }
    return head;
  }

  /**
   * The epoch of the head that a restore of a backup went back to; messages that were signed under it
   * or a later head go out again unasked (S8). `begun` is the Incarnation's head; `former` the number
   * of the Incarnation before, whose head rekeyed for no removal if the same backup was restored twice.
   * Infinity: the backup may have forgotten a removal, because this device has not seen the restored
   * head, or because a head was lost that rekeyed.
   */
  async restoredEpoch(begun: RosterHead, former: number): Promise<number> {
    const held: RosterHead[] = [];
    for (const { head } of await this.#table.all()) held.push(await this.#parse(head));
    const restored = held.find(({ hash }) => equalBytes(hash, begun.previous));
    if (restored === undefined) return Infinity;
    const twice = held.some(
      ({ epoch, previous }) => epoch === former && equalBytes(previous, begun.previous),
    );
    const lost = held.some(
      ({ epoch, rekeyEpoch }) =>
        epoch > restored.epoch &&
        epoch < begun.epoch &&
        rekeyEpoch > restored.rekeyEpoch &&
        !(twice && rekeyEpoch === former),
    );
    return lost ? Infinity : restored.epoch;
  }

  /** The head of an epoch, fetched if it is not held. Refuses (R4) what the server does not have. */
  async require(work: UnitOfWork, epoch: number): Promise<RosterHead> {
    const held = await this.find(work, epoch);
    if (held !== null) return held;
    const missing = { kind: "head", epoch } as const;
    let bytes: Uint8Array;
    try {
      bytes = (await this.#context.api.head(this.#conversation, epoch)).head;
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member", "validation_failed")) throw error;
      throw new Refused("R4", "roster head is unknown", missing, error);
    }
    const head = await this.takeHead(work, bytes);
    refuseUnless(head.epoch === epoch, "R4", "another epoch's head");
    return head;
  }

  /** Remember a proof that came beside an entry. A proof that does not hold is left out. */
  async learnProof(work: UnitOfWork, { epoch, proof }: EpochProof): Promise<Listed | null> {
    try {
      const head = await this.find(work, epoch);
      if (head === null) return null;
      const { device } = readLeaf(new Reader(proof, "R2"));
      return this.#remember(head, device, proof);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  known(head: RosterHead, device: DeviceId): Listed | null {
    const listed = this.#listed.get(`${String(head.epoch)}/${device}`);
    return listed !== undefined && this.#isParty(listed.leaf.person) ? listed : null;
  }

  /** A device's leaf under a head, its proof fetched if it is not known. Refuses by `rule`. */
  async listed(head: RosterHead, device: DeviceId, rule: string): Promise<Listed> {
    const known = this.known(head, device);
    if (known !== null) return known;
    const missing = { kind: "leaf", epoch: head.epoch, device } as const;
    let proof: Uint8Array | null = null;
    try {
      const asked = { epoch: head.epoch, devices: [device] };
      proof = (await this.#context.api.proofs(this.#conversation, asked)).proofs[0] ?? null;
    } catch (error) {
      if (!hasCode(error, "not_found", "not_member")) throw error;
    }
    if (proof === null) throw new Refused(rule, "the device is not listed", missing);
    return this.#remember(head, device, proof);
  }

  /** Check leaf ‖ proof under a head that is held. */
  prove(head: RosterHead, device: DeviceId, proof: Uint8Array): Listed {
    return this.known(head, device) ?? this.#remember(head, device, proof);
  }

  #remember(head: RosterHead, device: DeviceId, proof: Uint8Array): Listed {
    const listed = checkProof(head, device, proof, "R2");
    refuseUnless(this.#isParty(listed.leaf.person), "R10", "a third person's device");
    if (this.#listed.size > MOST_LISTED) this.#listed.clear();
    this.#listed.set(`${String(head.epoch)}/${device}`, listed);
    return listed;
  }

  /**
   * R2's "highest that this device knew when the entry came", for entries that are pushed: the
   * server takes no message under an older head once a newer one is 10 min old (D1). A head that
   * was learnt just now says nothing: entries that were accepted before it may still be on their way.
   */
  settledEpoch(): number {
    const { epoch, sinceMs } = this.#known;
    const passed = Math.abs(this.#context.now() - sinceMs);
    if (passed > CLOCKS_MS) this.#settled = Math.max(this.#settled, epoch);
    return this.#settled;
  }

  /** A new connection: heads learnt before may lie behind entries that were not pushed. */
  reconnected(): void {
    this.#known = { ...this.#known, sinceMs: this.#context.now() };
    this.#settled = 0;
  }

  #learnt(epoch: number): void {
    this.settledEpoch();
    this.#known = { epoch, sinceMs: this.#context.now() };
  }

  async #parse(bytes: Uint8Array): Promise<RosterHead> {
    const head = RosterHeadFormat.parse(bytes);
    const id = `${String(head.epoch)}/${head.hash.join(",")}`;
    const known = this.#checked.get(id);
    if (known !== undefined) return known;
    const authority = this.#context.trust.authorityOf(head.epoch);
    await checkHead(head, authority, fromHex(this.#conversation));
    if (this.#checked.size > 200) this.#checked.clear();
    this.#checked.set(id, head);
    return head;
  }
}
