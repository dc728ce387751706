/**
 * Files that a person has chosen for a conversation and not sent: part of its draft.
 *
 * They are sealed into the vault like those of a message, as soon as they are chosen, so that neither a
 * lock nor a reload nor a message that is refused loses them. The message that is sent takes them as
 * they are, in the transaction that puts it into the outbox (outbox.ts).
 */
import type { Attachments, Prepared } from "../attachments/attachments.ts";
import type { Conversation } from "../conversation/conversation.ts";
import type { OutgoingAttachment } from "../seam.ts";
import { hasCode } from "../failure.ts";
import type { AttachmentId } from "../ids.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";

/** A file to send: as it is sealed for the draft, or to be sealed. */
export function preparedOf(
  attachments: Attachments,
  { record }: Conversation,
  outgoing: OutgoingAttachment,
): Prepared {
  const kept = record.draftFiles.find(({ id }) => id === outgoing.kept);
  if (kept !== undefined) return { pointer: kept, file: outgoing.file, sealed: true };
  return attachments.prepare(outgoing);
}

/** Keep these and no others. Nothing is changed where they cannot be stored. */
export async function keepDraftFiles(
  attachments: Attachments,
  conversation: Conversation,
  files: readonly OutgoingAttachment[],
): Promise<readonly OutgoingAttachment[]> {
  const prepared = files.map((file) => preparedOf(attachments, conversation, file));
  const fresh = prepared.filter(({ sealed }) => !sealed);
  await attachments.seal(fresh);
  try {
    const draftFiles = prepared.map(({ pointer }) => pointer);
    const untouchedFiles = draftFiles
      .filter((_, at) => files[at]?.untouched === true)
      .map(({ id }) => id);
    await conversation.change((work) => {
      const dropped = work.record.draftFiles.filter((one) => !draftFiles.includes(one));
      work.set({ draftFiles, untouchedFiles });
      for (const { id } of dropped)
        work.changes.push({ op: "delete_chunks", attachmentId: id } as const);
      return Promise.resolve();
    });
    return prepared.map(({ pointer, file }) => outgoingOf(pointer, file, untouchedFiles));
  } catch (error) {
    await attachments.forget(fresh.map(({ pointer }) => pointer.id)).catch(() => undefined);
    throw error;
  }
}

/** The files of the draft, without files that a bad disk has spoilt. */
export async function openDraftFiles(
  attachments: Attachments,
  { record }: Conversation,
): Promise<readonly OutgoingAttachment[]> {
  const opened = record.draftFiles.map(async (pointer) => {
    try {
      return [outgoingOf(pointer, await attachments.sealed(pointer), record.untouchedFiles ?? [])];
    } catch (error) {
      if (hasCode(error, "not_found", "attachment_corrupt")) return [];
      throw error;
    }
  });
  return (await Promise.all(opened)).flat();
}

function outgoingOf(
  pointer: AttachmentPointer,
  file: Blob,
  untouchedFiles: readonly AttachmentId[],
): OutgoingAttachment {
  const { id, kind, name, mime, width, height, durationMs, thumb, waveform } = pointer;
  return {
    ...{ kind, file, name, mime, kept: id },
    ...(untouchedFiles.includes(id) ? { untouched: true } : {}),
    ...(width === null ? {} : { width }),
    ...(height === null ? {} : { height }),
    ...(durationMs === null ? {} : { durationMs }),
    ...(thumb === null ? {} : { thumb }),
    ...(waveform === null ? {} : { waveform }),
  };
}
