/**
 * People whom this person has blocked. The core keeps them, on this device; asked once, and again
 * after each change, because nobody else changes them here.
 */
import type { PersonId } from "@copconnect/client/wire";
import type { Plate } from "@copconnect/client/core";
import { core } from "../core.ts";

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
  /** Locked or signed out: nothing of it stays. */
  forget(): void {
    people = null;
  },
};
