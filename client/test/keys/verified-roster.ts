/** Heads, leaves and records of one conversation, verified on the way in: what the golden vectors fill. */
import { equalBytes } from "#core/octets.ts";
import type { TrustRecords } from "#core/keys/trust/trust-records.ts";
import {
  RosterHeadFormat,
  checkHead,
  checkLaterHead,
  type RosterHead,
} from "#core/keys/roster/head.ts";
import { checkProof, type Listed } from "#core/keys/roster/proof.ts";
import {
  ConversationKeyFormat,
  conversationKeyId,
  type ConversationKey,
} from "#core/keys/conversation-key.ts";
import type { DeviceId, KeyId } from "#core/ids.ts";
import { Refused, refuseUnless } from "#core/keys/format/refused.ts";

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
