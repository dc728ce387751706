/**
 * A device's records of one conversation, as receiving and sending ask for them. The engine loads
 * them from its store; nothing here reads or writes.
 */
import type { RosterHead } from "./roster/head.ts";
import type { Listed } from "./roster/proof.ts";
import type { ConversationKey } from "./conversation-key.ts";
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
