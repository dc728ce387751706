/** Groups that one may ask to join, and requests to join one's groups, as a screen shows them. */
import type { JoiningView } from "@copconnect/client/core";
import { onMount } from "svelte";
import { core } from "#app/core.ts";
import { onCoreEvent } from "#app/state/app.svelte.ts";
import { Loading } from "#app/state/loading.svelte.ts";
import { toast } from "#app/state/toasts.svelte.ts";
import { errorText } from "#i18n/errors.ts";

/** To be made while a component is. */
export class JoinRequests extends Loading<JoiningView> {
  constructor() {
    super();
    onMount(() => {
      void this.refresh();
      return onCoreEvent((event) => {
        if (event.type === "joining") void this.refresh();
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
      toast(errorText(error), { tone: "danger" });
      return false;
    } finally {
      void this.refresh();
    }
  }
}
