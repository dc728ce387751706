/** Something that a button does: one at a time, and its outcome in a short note. */
import { toast } from "#app/state/toasts.svelte.ts";
import { noticed } from "./admin.svelte.ts";
import { refusalText } from "./refusals.ts";

export class Acting {
  busy = $state(false);

  /** Do it and say the words that it returns; false: it was refused, or another is under way. */
  async run(act: () => Promise<string>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    try {
      toast(await act());
      return true;
    } catch (error) {
      noticed(error);
      toast(refusalText(error), { tone: "danger" });
      return false;
    } finally {
      this.busy = false;
    }
  }
}
