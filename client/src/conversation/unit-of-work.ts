/** Changes of one conversation that are stored together, in one transaction, or not at all. */
import type { AttachmentId, MessageId, PersonId } from "../ids.ts";
import { isNewer, lastOf, putMessage, questionRow, ticksOf } from "../messages/messages.ts";
import { STORES } from "../records.ts";
import type { ConversationRecord, MembersRecord, MessageRecord } from "../records.ts";
import type { Change } from "../vault/vault.ts";
import { forgetWords, withStored } from "./indexed.ts";
import type { Transaction } from "./table.ts";

/** A person's reaction to a message, of which the message's author may hear. */
export interface ReactionNews {
  readonly personId: PersonId;
  readonly emoji: string;
}

/** Read and assign freely; nothing counts until Conversation.store has written it. */
export class UnitOfWork implements Transaction {
  record: ConversationRecord;
  members: MembersRecord;
  readonly changes: Change[] = [];
  readonly overlay = new Map<string, unknown>();
  readonly messages: MessageRecord[] = [];
  readonly removed: MessageId[] = [];
  /** Messages that may notify: new ones, and this person's own to which somebody reacted. */
  readonly fresh: { readonly messageId: MessageId; readonly reaction: ReactionNews | null }[] = [];
  /** Files that this device keeps no more. */
  readonly droppedFiles: AttachmentId[] = [];
  membersChanged = false;
  /** This change of the record shows on no screen. */
  unseen = false;
  readonly afterwards: (() => void)[] = [];

  constructor(from: { readonly record: ConversationRecord; readonly members: MembersRecord }) {
    this.record = from.record;
    this.members = from.members;
  }

  set(change: Partial<ConversationRecord>): void {
    this.record = { ...this.record, ...change };
  }

  /** Take a file off this device. */
  dropFile(id: AttachmentId): void {
    this.changes.push({ op: "delete", store: STORES.attachments, key: id });
    this.changes.push({ op: "delete_chunks", attachmentId: id });
    this.droppedFiles.push(id);
  }

  /** Store a message and let the list show it if it is the newest. */
  put(message: MessageRecord): void {
    this.changes.push(putMessage(message), ...questionRow(message));
    if (message.deletion !== undefined) this.changes.push(forgetWords(message));
    this.messages.push(message);
    const { indexed } = this.record;
    const next = withStored(indexed, message);
    if (next !== indexed) this.set({ indexed: next });
    const last = lastOf(message);
    if (last !== null && isNewer(last, this.record.last)) this.set({ last });
    const { mine, notice, seq, sentMs } = message;
    if (mine && notice === null && seq !== null && seq >= (this.record.own?.seq ?? 0))
      this.set({ own: { seq, sentMs, ...ticksOf(message) } });
  }
}
