/** The pictures of a case, and the hash by which a mark names one of them. */
import type { AttachmentView, CaseView, ProvenMessage } from "@copconnect/client/core";
import { core } from "#app/core.ts";
import { pictureHash } from "#media/encoding/picture-hash.ts";

export function picturesOf({ failed, body }: ProvenMessage): readonly AttachmentView[] {
  const files = failed === null && body?.kind === "attachments" ? body.attachments : [];
  return files.filter(({ kind }) => kind === "image");
}

/** Hex; null: the picture is too plain to recognise. */
export async function markHashOf(file: Blob): Promise<string | null> {
  const octets = await pictureHash(file, "mark");
  return octets && Array.from(octets, (one) => one.toString(16).padStart(2, "0")).join("");
}

/** The picture of a case that a mark is about; null: this device finds none. */
export async function markedPicture(view: CaseView, hash: string): Promise<Blob | null> {
  for (const { attachmentId } of view.proven.flatMap(picturesOf)) {
    const file = await core().attachments.get(attachmentId, null);
    if ((await markHashOf(file)) === hash) return file;
  }
  return null;
}
