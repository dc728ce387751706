/** The state of a composer's attach sheet; shared by the composer and the sheet. */
import type { ConversationId } from "@copconnect/client/wire";
import { beginShowing, offerTo } from "#media/late-files.ts";
import type { Offered } from "#media/previewed.ts";

export class Attaching {
  readonly #conversationId: ConversationId;
  /** Once asked for, the sheet's code stays. */
  wanted = $state(false);
  open = $state(false);
  /** The preview is on screen. */
  previewing = $state(false);
  /** Files that were picked, pasted or dropped, for the preview to show. */
  offered = $state.raw<Offered | null>(null);
  /** Files that this person picked to send as evidence; the form of evidence shows them. */
  evidence = $state.raw<readonly File[]>([]);

  constructor(conversationId: ConversationId) {
    this.#conversationId = conversationId;
  }

  /** The composer is on screen. Returns what ends it. */
  begin(): () => void {
    return beginShowing(this.#conversationId, (offered) => this.preview(offered));
  }

  ask(): void {
    this.wanted = true;
    this.open = true;
  }

  /** Show files in the preview, behind the draft's files. */
  offer(files: readonly File[], unchanged = false): void {
    if (files.length > 0) offerTo(this.#conversationId, { files, unchanged });
  }

  /** Show files in the form of evidence, behind the ones it has. */
  offerEvidence(files: readonly File[]): void {
    const all = [...this.evidence, ...files];
    offerTo(this.#conversationId, { files: all, unchanged: true, evidence: true });
  }

  preview(offered: Offered): void {
    this.wanted = true;
    if (offered.evidence === true) this.evidence = offered.files;
    else this.offered = offered;
  }
}
