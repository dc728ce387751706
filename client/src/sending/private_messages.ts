/** Messages of a conversation of one cell: MLS PrivateMessages. */
import type { Conversation } from "../conversation.ts";
import { Work } from "../conversation.ts";
import { hasCode } from "../failure.ts";
import { readersOf } from "../readers.ts";
import type { OutgoingRecord } from "../records.ts";
import { rosterFits } from "../several_cells/roster_part.ts";
import { Alarm } from "../stops.ts";
import type { Accepted } from "../wire.ts";
import { Way } from "./way.ts";

export class PrivateMessages extends Way {
  async encrypt(
    conversation: Conversation,
    record: OutgoingRecord,
  ): Promise<OutgoingRecord | null> {
    const removing = (conversation.group?.pendingRemovals.length ?? 0) > 0;
    // Who comes to pending Removes commits them before sending.
    if (removing) conversation.duty = true;
    if (conversation.pending !== null || removing) await this.membership.settle(conversation);
    if (!rosterFits(conversation) || (conversation.record.awaited ?? []).length > 0) {
      // Cells became one: who was moved into ours is let in first, and misses nothing.
      await this.catchUp(conversation);
      await this.membership.settle(conversation);
      if (conversation.record.cells > 1) return null;
    }
    const { group } = conversation;
    if (group === null || conversation.record.state !== "ready") return null;
    const readers = readersOf(conversation, this.context.account().personId);
    if (readers === "unnamed" || readers === "alone") return null;
    if (readers === "stranger") {
      const alarm = new Alarm("direct_stranger", null);
      await this.membership.guard(conversation, () => Promise.reject(alarm));
    }
    const { next, message } = await group.encrypt(record.content);
    const work = new Work(conversation);
    work.advance(next);
    const encrypted: OutgoingRecord = {
      ...record,
      stage: "encrypted",
      cellId: group.cellId,
      epoch: group.epoch,
      payload: message,
    };
    return this.keep(conversation, work, encrypted, true);
  }

  post(conversation: Conversation, record: OutgoingRecord): Promise<Accepted> {
    return this.context.api.postMessage(conversation.id, {
      entryId: record.messageId,
      cellId: record.cellId ?? "",
      epoch: record.epoch ?? 0,
      payload: record.payload ?? new Uint8Array(),
      attachmentIds: [...record.attachmentIds],
    });
  }

  async again(
    conversation: Conversation,
    record: OutgoingRecord,
    error: unknown,
  ): Promise<boolean> {
    const passing =
      hasCode(error, "stale_epoch", "removal_pending", "cell_unfounded", "wrong_mode") ||
      (hasCode(error, "not_member") && (await this.#cellWasReplaced(conversation, record)));
    if (!passing) return false;
    await conversation.run(async () => {
      await this.catchUp(conversation);
      if (hasCode(error, "wrong_mode")) await this.membership.refetch(conversation);
      if (this.outgoing.find(record.messageId) === null) return;
      if (hasCode(error, "removal_pending")) conversation.duty = true;
      const again: OutgoingRecord = { ...record, stage: "ready", payload: null, epoch: null };
      const work = new Work(conversation);
      await this.keep(conversation, work, again, false);
      await this.membership.settle(conversation);
    });
    return true;
  }

  /** Whether these bytes were for a cell that the conversation has given up since. */
  async #cellWasReplaced(conversation: Conversation, record: OutgoingRecord): Promise<boolean> {
    try {
      await conversation.run(() =>
        this.catchUp(conversation),
      );
    } catch (error) {
      if (!hasCode(error, "not_member", "not_found")) throw error;
      return false;
    }
    return conversation.record.cellId !== record.cellId;
  }
}
