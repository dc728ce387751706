/**
 * The comparisons of digits that this device takes part in, kept in step with the core while a
 * screen looks. The core looks for news at each hint; in between nothing is asked.
 */
import type { ConfirmationView } from "@copconnect/client/core";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { core } from "#app/core.ts";

export class Confirmations {
  all = $state.raw<readonly ConfirmationView[]>([]);

  #timer: ReturnType<typeof setTimeout> | undefined;

  async load(): Promise<void> {
    this.all = await core()
      .devices.confirmations()
      .catch(() => this.all);
    // A comparison ends by the device's own clock, whether or not there is news of it.
    clearTimeout(this.#timer);
    const ends = this.all
      .filter(({ state }) => state === "begun" || state === "digits")
      .map(({ expiresMs }) => expiresMs - Date.now());
    if (ends.length > 0) {
      const nextMs = Math.max(1000, Math.min(...ends) + 100);
      this.#timer = setTimeout(() => void this.load(), nextMs);
    }
  }

  /** Follow the core; returns how to stop. */
  follow(): () => void {
    void this.load();
    const stop = onCoreEvent((event) => {
      if (event.type === "confirmation" || event.type === "app") void this.load();
    });
    return () => {
      clearTimeout(this.#timer);
      stop();
    };
  }
}
