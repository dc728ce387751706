/** The group's name and photo: a message of kind `profile`, known to the members only. */
import type { AttachmentPointer, Content } from "./content.ts";
import type { Work } from "./conversation.ts";
import { notice, noticeMessage } from "./messages.ts";
import { STORES } from "./records.ts";
import type { AttachmentRecord, MessageRecord } from "./records.ts";

type Profile = Extract<Content, { kind: "profile" }>;

/** Take over a profile; returns the notices that tell of the change. */
export function applyProfile(
  work: Work,
  profile: Profile,
  at: { readonly entryId: string; readonly seq: number; readonly sentMs: number },
  senderId: string,
): readonly MessageRecord[] {
  const { title, photo, conversationId, kind } = work.record;
  if (kind === "direct") return [];
  const titled = title !== profile.title;
  const pictured = (photo?.id ?? null) !== (profile.photo?.id ?? null);
  if (!titled && !pictured) return [];
  work.set({ title: profile.title, photo: profile.photo });
  if (profile.photo !== null) {
    work.changes.push({
      op: "put",
      store: STORES.attachments,
      key: profile.photo.id,
      group: conversationId,
      value: photoRecord(conversationId, at.entryId, profile.photo),
    });
  }
  // The first profile that a device sees is not a change.
  if (title === null) return [];
  const place = { seq: at.seq, order: at.seq, sentMs: at.sentMs };
  const what = titled ? notice("title", senderId, [], profile.title) : notice("photo", senderId);
  return [noticeMessage(conversationId, at.entryId, place, what)];
}

function photoRecord(
  conversationId: string,
  messageId: string,
  pointer: AttachmentPointer,
): AttachmentRecord {
  return { attachmentId: pointer.id, conversationId, messageId, pointer, upload: "none", local: false };
}
