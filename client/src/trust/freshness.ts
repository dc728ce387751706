/**
 * Asking again about people whose device could not be confirmed. The server lists a device only once
 * it is confirmed (E2), so a device that meets an unconfirmed sender or author probably lacks a
 * record that is younger than the records it holds: it is asked for, once in a while for each
 * person, and judged again.
 */
import type { PersonId } from "../ids.ts";
import { hasCode } from "../failure.ts";
import type { DeviceTrust } from "./ports.ts";

const ASK_AGAIN_MS = 20_000;
const MOST = 5_000;

export class Freshness {
  readonly #trust: Pick<DeviceTrust, "ensure">;
  readonly #now: () => number;
  readonly #askedMs = new Map<PersonId, number>();

  constructor(trust: Pick<DeviceTrust, "ensure">, now: () => number) {
    this.#trust = trust;
    this.#now = now;
  }

  /** Have the newest records of a person. False: they were asked for just now, or cannot be. */
  async renew(personId: PersonId): Promise<boolean> {
    const now = this.#now();
    if (Math.abs(now - (this.#askedMs.get(personId) ?? -Infinity)) < ASK_AGAIN_MS) return false;
    if (this.#askedMs.size > MOST) this.#askedMs.clear();
    this.#askedMs.set(personId, now);
    try {
      await this.#trust.ensure([personId], { fresh: true });
      return true;
    } catch (error) {
      if (!hasCode(error, "network", "overloaded", "device_unconfirmed")) throw error;
      this.#askedMs.delete(personId);
      return false;
    }
  }
}
