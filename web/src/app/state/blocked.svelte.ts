/**
 * People whom this person has blocked. The core keeps them; asked once, and again after each change,
 * here or on another device of this person.
 */
import type { PersonId } from "@copconnect/client/wire";
import type { Plate } from "@copconnect/client/core";
import { core } from "../core.ts";
import { onCoreEvent } from "./app.svelte.ts";

let people = $state.raw<readonly Plate[] | null>(null);

export const blocked = {
  /** null until they were read. */
  get people(): readonly Plate[] | null {
    return people;
  },
  has(personId: PersonId): boolean {
    return people?.some((one) => one.personId === personId) === true;
  },
  async load(): Promise<void> {
    people = await core().people.blocked();
  },
  async set(personId: PersonId, on: boolean): Promise<void> {
    await core().people.block(personId, on);
    await blocked.load();
  },
};

/** Read them, and again when they may be others; returns how to stop: locked or signed out, nothing stays. */
export function followBlocked(): () => void {
  // Read from this device's storage: it is there or the app does not start.
  const load = (): unknown => blocked.load().catch(() => undefined);
  const stop = onCoreEvent(({ type }) => type === "oneself" && load());
  load();
  return () => {
    stop();
    people = null;
  };
}
