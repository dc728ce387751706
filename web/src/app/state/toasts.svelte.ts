/** Short notes at the bottom of the screen, with at most one act (often "Undo"). */
export interface ToastNote {
  readonly id: number;
  readonly text: string;
  readonly tone: "plain" | "danger";
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

const SHOWN_MS = 4000;
/** Longer when there is something to press: so long an act can be undone. */
export const UNDO_MS = 8000;

let notes = $state.raw<readonly ToastNote[]>([]);
let next = 1;

export const toasts = {
  get notes(): readonly ToastNote[] {
    return notes;
  },
};

export function dismissToast(id: number): void {
  notes = notes.filter((note) => note.id !== id);
}

/** Clear the toasts of a screen that is gone: after locking, signing out, signing in. */
export function clearToasts(): void {
  notes = [];
}

export function toast(
  text: string,
  options: { readonly tone?: ToastNote["tone"]; readonly action?: ToastNote["action"] } = {},
): void {
  const note: ToastNote = {
    id: next++,
    text,
    tone: options.tone ?? "plain",
    action: options.action ?? null,
  };
  notes = [...notes.slice(-1), note];
  setTimeout(() => dismissToast(note.id), note.action ? UNDO_MS : SHOWN_MS);
}
