/** Work that somebody asks for by a button: whether it is under way, and a toast where it fails. */
import { errorText } from "#i18n/errors.ts";
import { toast } from "./toasts.svelte.ts";

export function sayFailed(error: unknown): void {
  toast(errorText(error), { tone: "danger" });
}

/** Say only what goes wrong: the screen shows the rest. */
export async function attempt(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    sayFailed(error);
  }
}

export class Task {
  busy = $state(false);

  /** Do it, unless it is under way. */
  async run(work: () => unknown): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    await attempt(work);
    this.busy = false;
  }
}
