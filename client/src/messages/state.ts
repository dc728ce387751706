/** Taking over the conversation's own state: name, photo, description (kinds/state.ts). */
import type { MessageId } from "../ids.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { StateContent } from "../kinds/state.ts";
import type { Header } from "../keys/message.ts";
import { notice, noticeMessage } from "../conversation/messages.ts";
import { STORES } from "../records.ts";
import type { AttachmentRecord, NoticeRecord, ProfileRecord } from "../records.ts";
import { mayAdminister, type Leaf } from "../keys/roster/leaf.ts";

export interface StateAt {
  readonly messageId: MessageId;
  readonly position: number;
  readonly sentMs: number;
  /** The leaf of the device that wrote it, under the head of its message. */
  readonly leaf: Leaf;
  readonly header: Header;
  readonly k: Uint8Array;
}

/** The higher version counts; of equals the later in the log. */
export function isNewerState(
  one: { readonly version: number; readonly position: number },
  known: ProfileRecord | null,
): boolean {
  if (known === null) return true;
  if (one.version !== known.version) return one.version > known.version;
  return one.position > known.seq;
}

/** Take over a state, and say what changed. Somebody without the right changes nothing. */
export async function applyState(
  context: DeviceContext,
  work: UnitOfWork,
  content: StateContent,
  at: StateAt,
): Promise<void> {
  const { profile, kind } = work.record;
  if (kind === "direct") return;
  const by = at.leaf.person;
  if (!mayAdminister(at.leaf)) return tell(work, at, notice("profile_refused", { by }));
  if (!isNewerState({ version: content.version, position: at.position }, profile)) return;
  const { version, title, photo, description } = content;
  const { messageId, position: seq, k: key } = at;
  const header = at.header.bytes;
  const shown = { version, seq, title, photo, description };
  work.set({ profile: { ...shown, messageId, header, key } });
  // The device that set the photo holds it already.
  if (photo !== null && (await context.vault.get(STORES.attachments, photo.id)) === null) {
    const value: AttachmentRecord = {
      attachmentId: photo.id,
      conversationId: work.record.conversationId,
      messageId,
      pointer: photo,
      upload: "none",
      local: false,
    };
    const place = { store: STORES.attachments, key: photo.id, group: work.record.conversationId };
    work.changes.push({ op: "put", ...place, value });
  }
  // The first state that a device sees is not a change.
  if (profile === null) return;
  if (profile.title !== title) tell(work, at, notice("title", { by, text: title }));
  else if (profile.photo?.id !== photo?.id) tell(work, at, notice("photo", { by }));
  else if (profile.description !== description) tell(work, at, notice("description", { by }));
}

function tell(work: UnitOfWork, stated: StateAt, what: NoticeRecord): void {
  const { messageId, position, sentMs } = stated;
  const at = { seq: position, order: position, sentMs };
  work.put(noticeMessage(work.record.conversationId, messageId, at, what));
}
