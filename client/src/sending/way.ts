/**
 * The ways in which a message goes out: as a PrivateMessage of the only cell, or sealed for several.
 * The outbox knows stages and retries; what is encrypted for whom, and what a refusal means, is a
 * way's to say. The class holds what both work with, and no rule.
 */
import type { DeviceContext } from "../context.ts";
import type { Conversation, Work } from "../conversation.ts";
import type { Inbox } from "../inbox.ts";
import type { Membership } from "../membership.ts";
import type { OutgoingStore } from "../outgoing.ts";
import { putOutgoing } from "../outgoing.ts";
import type { OutgoingRecord } from "../records.ts";
import type { Accepted } from "../wire.ts";

export abstract class Way {
  protected readonly context: DeviceContext;
  protected readonly outgoing: OutgoingStore;
  protected readonly inbox: Inbox;
  protected readonly membership: Membership;

  constructor(
    context: DeviceContext,
    outgoing: OutgoingStore,
    inbox: Inbox,
    membership: Membership,
  ) {
    this.context = context;
    this.outgoing = outgoing;
    this.inbox = inbox;
    this.membership = membership;
  }

  /**
   * Inside the conversation's queue: the record with its ciphertext, stored with everything that
   * encrypting changed; null when nothing can be sent now.
   */
  abstract encrypt(
    conversation: Conversation,
    record: OutgoingRecord,
  ): Promise<OutgoingRecord | null>;
  /** The stored bytes, as often as need be. */
  abstract post(conversation: Conversation, record: OutgoingRecord): Promise<Accepted>;
  /**
   * The DS refused the bytes. True: they are certainly not in the log, this device has learned what
   * it had missed, and the record is `ready` to be encrypted anew. False: the refusal is final.
   */
  abstract again(
    conversation: Conversation,
    record: OutgoingRecord,
    error: unknown,
  ): Promise<boolean>;

  /** Learn what the log has that this device has not heard of. */
  protected async catchUp(conversation: Conversation): Promise<void> {
    await this.membership.guard(conversation, () => this.inbox.catchUp(conversation));
  }

  /** Store the record in one transaction with what else the work changed. `strict`: see the vault. */
  protected async keep(
    conversation: Conversation,
    work: Work,
    record: OutgoingRecord,
    strict: boolean,
  ): Promise<OutgoingRecord> {
    work.changes.push(putOutgoing(record));
    await conversation.store(work, strict);
    this.outgoing.set(record);
    return record;
  }
}
