/** Files for the preview of attachments, and the draft that keeps them. */
import type { OutgoingAttachment } from "@copconnect/client/core";

/** Files that were picked, pasted or dropped, for the preview to show. */
export interface Offered {
  readonly files: readonly File[];
  /** They were chosen as documents: pictures too go as they are. */
  readonly unchanged: boolean;
}

/** Keeps files and their caption while they are not sent. */
export interface PreviewedDraft {
  /** The caption. */
  text: string;
  /** Files that were chosen before. */
  readonly files: readonly OutgoingAttachment[];
  /** Note that the caption has changed. */
  typed(): void;
  /** Keep these files and no others. Rejects where they cannot be stored. */
  keep(files: readonly OutgoingAttachment[]): Promise<readonly OutgoingAttachment[]>;
}

/** For files that go into something that is kept itself, without a caption of theirs. */
export class UnkeptDraft implements PreviewedDraft {
  text = "";
  readonly files = [];

  typed(): void {
    // There is nothing to be kept.
  }

  keep(files: readonly OutgoingAttachment[]): Promise<readonly OutgoingAttachment[]> {
    return Promise.resolve(files);
  }
}
