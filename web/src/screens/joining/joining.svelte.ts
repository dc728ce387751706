/** Groups that one may ask to join, and requests to join one's groups, as a screen shows them. */
import type { JoiningView } from "@copconnect/client/core";
import { onMount } from "svelte";
import { core } from "#app/core.ts";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { Loading } from "#app/state/loading.svelte.ts";
import { sayFailed } from "#app/state/task.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";

const TOGETHER_MS = 1000;

/** Run once for all the calls of a second, so that many requests at once cost one read. */
export function oncePerSecond(run: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      run();
    }, TOGETHER_MS);
  };
}

/** To be made while a component is. */
export class JoinRequests extends Loading<JoiningView> {
  constructor() {
    super();
    onMount(() => {
      void this.refresh();
      const refresh = oncePerSecond(() => void this.refresh());
      return onCoreEvent((event) => {
        if (event.type === "joining") refresh();
      });
    });
  }

  refresh(): Promise<void> {
    return this.load(() => core().joining.current());
  }

  /** Do something, say so, and show what has become of it. Resolves with whether it was done. */
  async act(act: () => Promise<void>, done: string): Promise<boolean> {
    try {
      await act();
      toast(done);
      return true;
    } catch (error) {
      sayFailed(error);
      return false;
    } finally {
      void this.refresh();
    }
  }
}
