/** Opened content, however it was encrypted: stored as a message, counted, told. */
import { mayChangeProfile } from "../admins.ts";
import { decodeContent } from "../content.ts";
import { counts, mentions, pointersOf } from "../messages.ts";
import { acceptedMessage } from "../outgoing.ts";
import { applyProfile, isKnown } from "../profile.ts";
import { STORES } from "../records.ts";
import type { AttachmentRecord, MessageRecord } from "../records.ts";
import type { LogEntry } from "../wire.ts";
import type { Receiving } from "./receiving.ts";

/** Where an entry stands in the log. */
export type Place = Pick<LogEntry, "conversationId" | "entryId" | "seq" | "sentMs">;

/** An entry of this very device has come back: the DS accepted it. */
export async function takeBack(receiving: Receiving, entry: LogEntry): Promise<void> {
  const { context, conversation, listener, outgoing, work } = receiving;
  const own = outgoing.find(entry.entryId);
  if (own === null || own.conversationId !== conversation.id) return;
  const accepted = { seq: entry.seq, sentMs: entry.sentMs };
  await acceptedMessage(context, outgoing, work, own, accepted);
  work.afterwards.push(() => listener.onAccepted(conversation));
}

/** What a member wrote, opened and with an authenticated sender. */
export async function takeIn(
  receiving: Receiving,
  place: Place,
  senderId: string,
  plaintext: Uint8Array,
): Promise<void> {
  const { context, conversation, listener, live, work } = receiving;
  const { personId } = context.account();
  const content = decodeContent(plaintext);
  if (content.kind === "profile") {
    const admin = await mayChangeProfile(context, work, senderId);
    for (const message of applyProfile(work, content, place, senderId, admin)) work.put(message);
    if (isKnown(work.record, content)) conversation.profilesHeard++;
    // An admin sets right what others were told. Nobody else does: two who err would never stop.
    else if (work.record.admin && !admin) {
      work.afterwards.push(() => listener.onProfileRequest(conversation));
    }
    return;
  }
  if (content.kind === "profile_request") {
    conversation.profileAskedMs = Math.max(conversation.profileAskedMs, place.sentMs);
    if (live) work.afterwards.push(() => listener.onProfileRequest(conversation));
    return;
  }
  const mine = senderId === personId;
  const message = received(place, senderId, mine, plaintext);
  work.put(message);
  for (const pointer of pointersOf(content)) {
    // Known by id means the same key and size (content.ts): forwarded, or our own come back.
    const known = await context.vault.get(STORES.attachments, pointer.id);
    if (known !== null) continue;
    const record: AttachmentRecord = {
      attachmentId: pointer.id,
      conversationId: conversation.id,
      messageId: place.entryId,
      pointer,
      upload: "none",
      local: false,
    };
    work.changes.push({
      op: "put",
      store: STORES.attachments,
      key: pointer.id,
      group: conversation.id,
      value: record,
    });
  }
  if (mine || !counts(content) || place.seq <= work.record.readSeq) return;
  work.set({
    unread: work.record.unread + 1,
    mentioned: work.record.mentioned || mentions(content, personId),
  });
  work.fresh.push(message);
}

export function received(
  place: Place,
  senderId: string | null,
  mine: boolean,
  content: Uint8Array,
): MessageRecord {
  return {
    messageId: place.entryId,
    conversationId: place.conversationId,
    order: place.seq,
    seq: place.seq,
    senderId,
    mine,
    sentMs: place.sentMs,
    content,
    notice: null,
    failure: null,
  };
}
