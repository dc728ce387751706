/**
 * The comparisons of digits that this device takes part in, kept in step with the core while a
 * screen looks. The core looks for news at each hint; in between nothing is asked.
 */
import type { ConfirmationView } from "@copconnect/client/core";
import { onCoreEvent } from "../../app/state/app.svelte.ts";
import { core } from "../../app/core.ts";

export class Confirmations {
  all = $state.raw<readonly ConfirmationView[]>([]);

  async load(): Promise<void> {
    this.all = await core()
      .confirmations()
      .catch(() => this.all);
  }

  /** Follow the core; returns how to stop. */
  follow(): () => void {
    void this.load();
    return onCoreEvent((event) => {
      if (event.type === "confirmation" || event.type === "app") void this.load();
    });
  }
}
