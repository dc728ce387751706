/**
 * The draft of a conversation: text that is being written in one of its forms, and files that were chosen
 * in the composer. The core keeps both, so that a reload, a lock, a tap beside a sheet or a message that is
 * refused loses neither.
 */
import type { ConversationItem, DraftForm, OutgoingAttachment } from "@copconnect/client/core";
import { core } from "#app/core.ts";

/** At most so much writing is lost when the page is gone at once. */
const DRAFT_MS = 400;

export class Draft {
  text = $state("");
  files = $state.raw<readonly OutgoingAttachment[]>([]);
  readonly #item: ConversationItem;
  readonly #form: DraftForm;
  #saved: string;
  #dropped = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(item: ConversationItem, form: DraftForm = "composer") {
    this.#item = item;
    this.#form = form;
    const kept = form === "composer" ? item.draft : item.formDrafts?.[form];
    this.text = this.#saved = kept ?? "";
  }

  /** Save the text also when the person looks away. Returns what ends it, with the form. */
  follow(): () => void {
    addEventListener("pagehide", this.save);
    document.addEventListener("visibilitychange", this.save);
    return () => {
      removeEventListener("pagehide", this.save);
      document.removeEventListener("visibilitychange", this.save);
      // While Svelte takes a form away, `text` is what it was before the same change.
      if (!this.#dropped) this.save();
    };
  }

  get empty(): boolean {
    return this.text.trim() === "" && this.files.length === 0;
  }

  /** Read the files that were kept; files that were chosen meanwhile stand behind them. */
  async open(): Promise<void> {
    if (this.#item.draftFiles === 0) return;
    const kept = await core().conversations.draftFiles(this.#item.conversationId);
    const known = kept.map((one) => one.kept);
    this.files = [...kept, ...this.files.filter((one) => !known.includes(one.kept))];
  }

  // The text: every moment while somebody writes, because a page that closes has no time for
  // anything; and at once when the person only looks away.
  typed(): void {
    this.#timer ??= setTimeout(this.save, DRAFT_MS);
  }

  readonly save = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.text !== this.#saved) this.#store();
  };

  #store(): void {
    this.#saved = this.text;
    // A draft that cannot be kept is no reason to interrupt the writing; the next key tries again.
    core()
      .conversations.saveDraft(this.#item.conversationId, this.text, this.#form)
      .catch(() => (this.#saved = ""));
  }

  /** The words are sent, or the person wants them no more: the form closes. */
  drop(): void {
    this.text = "";
    this.save();
    this.#dropped = true;
  }

  /** Take the words for a message: the field starts over. */
  takeText(): string {
    const { text } = this;
    this.text = this.#saved = "";
    clearTimeout(this.#timer);
    this.#timer = undefined;
    return text;
  }

  /** A refused message's words go before words written meanwhile. */
  giveBack(text: string): void {
    this.text = this.text === "" ? text : `${text}\n${this.text}`;
  }

  /** These words and files are in a message; later words and files stay. */
  sent(text: string, files: readonly OutgoingAttachment[]): void {
    if (this.text.startsWith(text)) this.text = this.text.slice(text.length);
    this.files = this.files.filter((one) => !files.includes(one));
    // The core deleted its draft when it stored the message: an empty draft needs no second write.
    if (this.text !== "" || this.#saved !== "") this.#store();
  }

  /** Keep these files and no others. Rejects where they cannot be stored; they stay here then. */
  async keep(files: readonly OutgoingAttachment[]): Promise<readonly OutgoingAttachment[]> {
    this.files = files;
    const kept = this.#keeping.then(() =>
      core().conversations.keepDraftFiles(this.#item.conversationId, files),
    );
    this.#keeping = kept.catch(() => undefined);
    const stored = await kept;
    if (this.files === files) this.files = stored;
    return stored;
  }

  /** Resolves when every file is kept. */
  async stored(): Promise<readonly OutgoingAttachment[]> {
    await this.#keeping;
    if (this.files.every((one) => one.kept !== undefined)) return this.files;
    return this.keep(this.files);
  }
}
