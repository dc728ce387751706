/** How far messages of mine are in being encrypted for many cells. Forgotten once they are sent. */
import { SvelteMap } from "svelte/reactivity";
import { onCoreEvent } from "../../app/app.svelte.ts";

export interface SealingProgress {
  readonly done: number;
  readonly total: number;
}

const running = new SvelteMap<string, SealingProgress>();

/** The progress of a message; null when it is not being encrypted. */
export function sealingOf(messageId: string): SealingProgress | null {
  return running.get(messageId) ?? null;
}

/** Follow the core; returns what ends it. */
export function followSealing(): () => void {
  const end = onCoreEvent((event) => {
    if (event.type !== "sealing") return;
    const { messageId, done, total } = event;
    if (done < total) running.set(messageId, { done, total });
    else running.delete(messageId);
  });
  return () => {
    end();
    running.clear();
  };
}
