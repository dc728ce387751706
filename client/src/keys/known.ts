/**
 * A device's records of one conversation, as receiving and sending ask for them. The engine loads
 * them from its store; nothing here reads or writes.
 *
 * Invariants: heads and leaves are verified on the way in, once; records are parsed, and what more
 * is asked of a record depends on who asks (S2 or R6). All of this cannot change and stays.
 */
import { equalBytes } from "../octets.ts";
import type { TrustRecords } from "./trust/trust-records.ts";
import { RosterHeadFormat, checkHead, checkLaterHead, type RosterHead } from "./roster/head.ts";
import { checkProof, type Listed } from "./roster/proof.ts";
import {
  ConversationKeyFormat,
  conversationKeyId,
  type ConversationKey,
} from "./conversation-key.ts";
import type { DeviceId, KeyId, MessageId, PersonId } from "../ids.ts";
import { Refused, refuseUnless } from "./format/refused.ts";

/** The parts of an accepted message that R5 and S7 need. */
export interface AcceptedHeader {
  readonly message: MessageId;
  readonly seq: number;
  readonly attempt: number;
  readonly previous: Uint8Array;
  /** H(header ‖ signature). */
  readonly hash: Uint8Array;
}

export interface KnownConversation {
  readonly conversation: Uint8Array;
  /** The two people of a conversation that is shown as direct; null: it is not. */
  readonly people: readonly [PersonId, PersonId] | null;
  /** The device's history begins later than the conversation. */
  readonly newcomer: boolean;
  /** A verified head; null: fetch it. */
  head(epoch: number): RosterHead | null;
  /** A proven leaf; null: fetch its proof, or the device is not listed. */
  listed(epoch: number, device: DeviceId): Listed | null;
  /** Null: fetch it. */
  record(key: KeyId): ConversationKey | null;
  /** S, compared with the record's commitment already; null: ask for a share. */
  secret(key: KeyId): Uint8Array | null;
  /** k from a share of kind 3. */
  sharedBodyKey(message: MessageId): Uint8Array | null;
  /** Own log hash at a position; null: not known (any more). */
  logHash(position: number): Uint8Array | null;
  /**
   * The highest epoch that log entries before this position name, or that this device knew when the
   * entry at this position came.
   */
  highestEpoch(position: number): number;
  accepted(sender: DeviceId, seq: number): AcceptedHeader | null;
  /** Whether a message of this sender with a lower seq was accepted. */
  acceptedBefore(sender: DeviceId, seq: number): boolean;
}

/** The verified part, filled from bytes: heads, leaves, records and secrets. */
export class VerifiedRoster {
  readonly conversation: Uint8Array;
  readonly #trust: TrustRecords;
  readonly #heads = new Map<number, RosterHead>();
  readonly #listed = new Map<string, Listed>();
  readonly #records = new Map<KeyId, ConversationKey>();

  constructor(conversation: Uint8Array, trust: TrustRecords) {
    this.conversation = conversation;
    this.#trust = trust;
  }

  head(epoch: number): RosterHead | null {
    return this.#heads.get(epoch) ?? null;
  }

  listed(epoch: number, device: DeviceId): Listed | null {
    return this.#listed.get(`${String(epoch)} ${device}`) ?? null;
  }

  record(key: KeyId): ConversationKey | null {
    return this.#records.get(key) ?? null;
  }

  /**
   * Check a head and keep it. R4 refuses another head for an epoch that is known, and one that does
   * not fit the nearest heads before and after it.
   */
  async addHead(bytes: Uint8Array): Promise<RosterHead> {
    const head = RosterHeadFormat.parse(bytes);
    const same = this.#heads.get(head.epoch);
    if (same !== undefined) {
      const equal = equalBytes(same.bytes, head.bytes);
      refuseUnless(equal, "R4", "another roster head for this epoch: alarm");
      return same;
    }
    await checkHead(head, this.#trust.authorityOf(head.epoch, "R4"), this.conversation);
    const epochs = [...this.#heads.keys()];
    const below = this.#heads.get(Math.max(...epochs.filter((epoch) => epoch < head.epoch)));
    const above = this.#heads.get(Math.min(...epochs.filter((epoch) => epoch > head.epoch)));
    if (below !== undefined) checkLaterHead(below, head);
    if (above !== undefined) checkLaterHead(head, above);
    this.#heads.set(head.epoch, head);
    return head;
  }

  /** Check leaf ‖ proof under a head that is known, and keep it. Refuses by `rule`. */
  addProof(epoch: number, device: DeviceId, proof: Uint8Array, rule = "R2"): Listed {
    const known = this.listed(epoch, device);
    if (known !== null) return known;
    const head = this.#heads.get(epoch);
    if (head === undefined)
      throw new Refused(rule, "roster head is unknown", { kind: "head", epoch });
    const listed = checkProof(head, device, proof, rule);
    this.#listed.set(`${String(epoch)} ${device}`, listed);
    return listed;
  }

  /** Keep a ConversationKey record of this conversation. Its signature is not checked here. */
  addRecord(bytes: Uint8Array, rule = "R6"): ConversationKey {
    const record = ConversationKeyFormat.parse(bytes, rule);
    const own = equalBytes(record.conversation, this.conversation);
    refuseUnless(own, rule, "another conversation's key");
    this.#records.set(conversationKeyId(record), record);
    return record;
  }
}

/** The head of an epoch; refuses by `rule` and names it as missing. */
export function requireHead(
  known: Pick<KnownConversation, "head">,
  epoch: number,
  rule: string,
): RosterHead {
  const head = known.head(epoch);
  if (head === null) throw new Refused(rule, "roster head is unknown", { kind: "head", epoch });
  return head;
}

/** The leaf of a device whose certificate names this person. */
export function requireListed(
  known: Pick<KnownConversation, "listed">,
  epoch: number,
  device: DeviceId,
  person: PersonId,
  rule: string,
): Listed {
  const found = known.listed(epoch, device);
  if (found === null)
    throw new Refused(rule, "not listed, or its proof is unknown", { kind: "leaf", epoch, device });
  refuseUnless(found.leaf.person === person, rule, "leaf names another person");
  return found;
}
