/**
 * People whose messages this device does not show (R9): a message from them while they are blocked
 * is checked, numbered and acknowledged to nobody, and not kept. Local to the device.
 */
import type { PersonId } from "../ids.ts";
import type { Context } from "../context.ts";
import { STORES } from "../records.ts";
import type { BlockedRecord } from "../records.ts";

const KEY = "blocked";

export class Blocked {
  readonly #context: Pick<Context, "vault">;
  #people = new Set<PersonId>();

  constructor(context: Pick<Context, "vault">) {
    this.#context = context;
  }

  async load(): Promise<void> {
    const record = await this.#context.vault.get<BlockedRecord>(STORES.meta, KEY);
    this.#people = new Set(record?.people ?? []);
  }

  has(personId: PersonId): boolean {
    return this.#people.has(personId);
  }

  all(): readonly PersonId[] {
    return [...this.#people];
  }

  async set(personId: PersonId, on: boolean): Promise<void> {
    const people = new Set(this.#people);
    if (on) people.add(personId);
    else people.delete(personId);
    const value: BlockedRecord = { people: [...people] };
    await this.#context.vault.write([{ op: "put", store: STORES.meta, key: KEY, value }]);
    this.#people = people;
  }
}
