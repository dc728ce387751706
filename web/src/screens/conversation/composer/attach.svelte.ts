/** The state of a composer's attach sheet; shared by the composer and the sheet. */
export class Attaching {
  /** Once asked for, the sheet's code stays. */
  wanted = $state(false);
  open = $state(false);
  /** Files that were pasted or dropped, for the sheet to show. */
  files = $state.raw<readonly File[]>([]);

  ask(): void {
    this.wanted = true;
    this.open = true;
  }

  offer(files: readonly File[]): void {
    if (files.length === 0) return;
    this.wanted = true;
    this.files = files;
  }
}
