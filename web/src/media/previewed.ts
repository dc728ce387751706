/** Files for the preview of attachments, and the draft that keeps them. */
import type { OutgoingAttachment } from "@copconnect/client/core";

/** Files that were picked, pasted or dropped, for the preview to show. */
export interface Offered {
  readonly files: readonly File[];
  /** They were chosen as documents: pictures too go as they are. */
  readonly unchanged: boolean;
  /** They are for the form of evidence. */
  readonly evidence?: true;
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

/** A person's consent to send files with their hidden data: Send was pressed below their names. */
export class Consent {
  #files: ReadonlySet<File> = new Set();

  /** Send was pressed while the preview named these. */
  give(named: readonly File[]): void {
    this.#files = new Set(named);
  }

  /** The first file that the preview did not name then; undefined: all may go. */
  missing(untouched: readonly File[]): File | undefined {
    return untouched.find((file) => !this.#files.has(file));
  }
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
