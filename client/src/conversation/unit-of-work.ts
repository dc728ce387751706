/** Changes of one conversation that are stored together, in one transaction, or not at all. */
import type { AttachmentId, MessageId, PersonId } from "../ids.ts";
import { fileGone, filesShown } from "./files.ts";
import { isNewer, lastOf, messageKey, putMessage, questionRow, ticksOf } from "./messages.ts";
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

/**
 * A message that may notify: a new one, or this person's own to which somebody reacted. `calls`: it calls
 * this person also where everything else is muted.
 */
export interface FreshMessage {
  readonly messageId: MessageId;
  readonly calls: boolean;
  readonly reaction: ReactionNews | null;
}

/** Read and assign freely; nothing counts until Conversation.store has written it. */
export class UnitOfWork implements Transaction {
  record: ConversationRecord;
  members: MembersRecord;
  readonly changes: Change[] = [];
  readonly overlay = new Map<string, unknown>();
  readonly messages: MessageRecord[] = [];
  readonly removed: MessageId[] = [];
  readonly fresh: FreshMessage[] = [];
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
    this.changes.push(...fileGone(id));
    this.droppedFiles.push(id);
  }

  /** Take a message off this device. */
  remove(message: MessageRecord): void {
    const key = messageKey(message.conversationId, message.messageId);
    for (const store of [STORES.messages, STORES.questions])
      this.changes.push({ op: "delete", store, key });
    this.changes.push(forgetWords(message));
    this.removed.push(message.messageId);
  }

  /**
   * Store a message and let the list show it if it is the newest. `before`: as it was stored; at another
   * place, the search forgets it there, and looks again what the place has now.
   */
  put(message: MessageRecord, before: MessageRecord | null = null): void {
    this.changes.push(putMessage(message), ...questionRow(message), ...filesShown(message));
    if (before?.seq != null && before.order !== message.order) {
      this.changes.push(forgetWords(before));
      this.set({ indexed: withStored(this.record.indexed, before) });
    }
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
