/**
 * Whether the browser has promised to keep this device's storage, also when space runs out. It is
 * asked for that once on each page that has something to keep (after registration, or at the start),
 * when the app was installed, and when the person says so. Some browsers ask the person in turn.
 */
import { untrack } from "svelte";
import { app } from "../state/app.svelte.ts";

/** "unknown": the browser does not say, or was not asked yet. */
export type Promised = "yes" | "no" | "unknown";

let promised = $state.raw<Promised>("unknown");

export const persistence = {
  get promised(): Promised {
    return promised;
  },
  /** Ask for the promise, unless it is there; return what the browser says now. */
  async ask(): Promise<Promised> {
    try {
      // Absent where the page has no secure origin.
      const storage = navigator.storage as StorageManager | undefined;
      if (storage !== undefined)
        promised = (await storage.persisted()) || (await storage.persist()) ? "yes" : "no";
    } catch {
      promised = "unknown";
    }
    return promised;
  },
};

/** Ask in time, for as long as the page is open. */
export function followPersistence(): void {
  $effect.root(() => {
    const registered = $derived(["conduct", "locked", "ready"].includes(app.state?.phase ?? ""));
    $effect(() => {
      if (registered) void untrack(() => persistence.ask());
    });
  });
  addEventListener("appinstalled", () => void persistence.ask());
}
