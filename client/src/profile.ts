/** The group's name and photo: a message of kind `profile`, known to the members only. Pure. */
import type { AttachmentPointer, Content } from "./content.ts";
import type { Work } from "./conversation.ts";
import { notice, noticeMessage } from "./messages.ts";
import { STORES } from "./records.ts";
import type { AttachmentRecord, ConversationRecord, MessageRecord, NoticeRecord } from "./records.ts";

type Profile = Extract<Content, { kind: "profile" }>;

/**
 * Take over a profile; returns the notices that tell of it. `admin`: whether the sender may change
 * it. Anybody may tell it to those who know none, and an admin's word replaces another's; what is
 * told to those who know one changes nothing, and who changes it without being an admin is recorded.
 */
export function applyProfile(
  work: Work,
  profile: Profile,
  at: { readonly entryId: string; readonly seq: number; readonly sentMs: number },
  senderId: string,
  admin: boolean,
): readonly MessageRecord[] {
  const { title, conversationId, kind, profileDueMs } = work.record;
  if (kind === "direct") return [];
  if (admin && at.sentMs >= (profileDueMs ?? Infinity)) work.set({ profileDueMs: null });
  const unknown = title === null || (work.record.hearsay === true && admin);
  const place = { seq: at.seq, order: at.seq, sentMs: at.sentMs };
  const recorded = (what: NoticeRecord): readonly MessageRecord[] => [
    noticeMessage(conversationId, at.entryId, place, what),
  ];
  if (isKnown(work.record, profile)) {
    if (unknown) work.set({ hearsay: !admin });
    return [];
  }
  if (!unknown && profile.told) return [];
  if (!unknown && !admin) return recorded(notice("profile_refused", senderId));
  const titled = title !== profile.title;
  work.set({ title: profile.title, photo: profile.photo, hearsay: !admin });
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
  if (unknown) return [];
  return recorded(titled ? notice("title", senderId, [], profile.title) : notice("photo", senderId));
}

/**
 * How long a member waits to tell a newcomer the name, unless another did: the more members may be
 * there, the longer on average, so that few answer before they hear the first answer.
 */
export function answerAfterMs(members: number, random: number): number {
  return 200 + 2_800 * Math.max(1, members / 64) * random;
}

/** Where admins alone may post, nobody else asks for the name or tells it. */
export function mayTell({ admin, whoMayPost }: ConversationRecord): boolean {
  return admin || whoMayPost === "everyone";
}

/** Somebody comes in, and may not ask for the name: it is to be said by an admin at this time. */
export function owesProfile(work: Work, atMs: number): void {
  const { admin, whoMayPost, profileDueMs } = work.record;
  if (admin && whoMayPost === "admins")
    work.set({ profileDueMs: Math.max(profileDueMs ?? 0, atMs) });
}

export function isKnown(
  { title, photo }: Pick<ConversationRecord, "title" | "photo">,
  profile: Profile,
): boolean {
  return title === profile.title && (photo?.id ?? null) === (profile.photo?.id ?? null);
}

function photoRecord(
  conversationId: string,
  messageId: string,
  pointer: AttachmentPointer,
): AttachmentRecord {
  return {
    attachmentId: pointer.id,
    conversationId,
    messageId,
    pointer,
    upload: "none",
    local: false,
  };
}
