/**
 * The ways in which a message goes out: as a PrivateMessage of the only cell, or sealed for several.
 * The outbox knows stages and retries; what is encrypted for whom, and what a refusal means, is a
 * way's to say.
 */
import type { Conversation } from "../conversation.ts";
import type { OutgoingRecord } from "../records.ts";
import type { Accepted } from "../wire.ts";

export interface Way {
  /**
   * Inside the conversation's queue: the record with its ciphertext, stored with everything that
   * encrypting changed; null when nothing can be sent now.
   */
  encrypt(conversation: Conversation, record: OutgoingRecord): Promise<OutgoingRecord | null>;
  /** The stored bytes, as often as need be. */
  post(conversation: Conversation, record: OutgoingRecord): Promise<Accepted>;
  /**
   * The DS refused the bytes. True: they are certainly not in the log, this device has learned what
   * it had missed, and the record is `ready` to be encrypted anew. False: the refusal is final.
   */
  again(conversation: Conversation, record: OutgoingRecord, error: unknown): Promise<boolean>;
}
