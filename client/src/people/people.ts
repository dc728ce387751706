/**
 * People and the directory, cached so that everything already seen shows without network.
 * Plates come from memory, then the vault, then the server in batches; an unknown person has no
 * plate until the server answers, and `onLoaded` tells when more are known.
 */
import type { PeopleQuery, Plate } from "../core.ts";
import type { Context } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { STORES } from "../records.ts";
import type { Change } from "../vault/vault.ts";
import type { Directory, People as PeoplePage, Person } from "../wire.ts";

const LOOKUP = 500;
const REMEMBERED = 5_000;

export function plateOf(person: Person): Plate {
  const { personId, names, rank, post, unitId } = person;
  return { personId, names, rank, post, unitId };
}

export class People {
  readonly #context: Context;
  #known = new Map<string, Person>();
  #wanted = new Set<string>();
  #loading: Promise<void> | null = null;
  #directory: Directory | null = null;
  onLoaded: (personIds: readonly string[]) => void = () => undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  reset(): void {
    this.#known.clear();
    this.#wanted.clear();
    this.#directory = null;
  }

  /** The plate if it is known here; asks the server in the background otherwise. */
  async plate(personId: string | null): Promise<Plate | null> {
    if (personId === null) return null;
    const person = await this.#local(personId);
    if (person !== null) return plateOf(person);
    this.#wanted.add(personId);
    void this.#load();
    return null;
  }

  async plates(personIds: readonly string[]): Promise<readonly Plate[]> {
    const plates = await Promise.all(personIds.map((id) => this.plate(id)));
    return plates.filter((plate) => plate !== null);
  }

  /** Make sure these are known, waiting for the server if it can be reached. */
  async prefetch(personIds: readonly string[]): Promise<void> {
    await this.plates(personIds);
    await this.#loading?.catch(() => undefined);
  }

  async remember(people: readonly Person[]): Promise<void> {
    if (this.#known.size > REMEMBERED) this.#known.clear();
    for (const person of people) {
      this.#known.set(person.personId, person);
      this.#wanted.delete(person.personId);
    }
    const changes: Change[] = people.map((value) => ({
      op: "put",
      store: STORES.people,
      key: value.personId,
      value,
    }));
    await this.#context.vault.write(changes);
  }

  async search(query: PeopleQuery): Promise<PeoplePage> {
    const { unitId, ...others } = query;
    const page = await this.#context.api.people({ ...others, unit: unitId });
    await this.remember(page.people);
    return page;
  }

  /** The whole card; what was seen before shows without network. */
  async person(personId: string): Promise<Person> {
    try {
      const person = await this.#context.api.person(personId);
      await this.remember([person]);
      return person;
    } catch (error) {
      const known = hasCode(error, "network") ? await this.#local(personId) : null;
      if (known === null) throw error;
      return known;
    }
  }

  async directory(): Promise<Directory> {
    this.#directory ??= await this.#context.vault.get<Directory>(STORES.meta, "directory");
    return this.#directory ?? (await this.refreshDirectory(null));
  }

  /** Fetch the directory unless `version` is ours already. */
  async refreshDirectory(version: string | null): Promise<Directory> {
    this.#directory ??= await this.#context.vault.get<Directory>(STORES.meta, "directory");
    const ours = this.#directory;
    if (ours !== null && ours.version === version) return ours;
    const newer = await this.#context.api.directory(ours?.version ?? null);
    if (newer === null) {
      if (ours === null) throw failure("network", { retry: true });
      return ours;
    }
    const change: Change = { op: "put", store: STORES.meta, key: "directory", value: newer };
    await this.#context.vault.write([change]);
    this.#directory = newer;
    this.#context.emit({ type: "directory" });
    return newer;
  }

  async #local(personId: string): Promise<Person | null> {
    const known = this.#known.get(personId);
    if (known !== undefined) return known;
    const stored = await this.#context.vault.get<Person>(STORES.people, personId);
    if (stored !== null) this.#known.set(personId, stored);
    return stored;
  }

  /** Fetch everything wanted, at most {@link LOOKUP} at a time. Failures leave it wanted. */
  #load(): Promise<void> {
    this.#loading ??= (async () => {
      await Promise.resolve();
      try {
        while (this.#wanted.size > 0) {
          const personIds = [...this.#wanted].slice(0, LOOKUP);
          const { people } = await this.#context.api.lookUpPeople({ personIds });
          // Whom the server does not know is not asked for again.
          for (const id of personIds) this.#wanted.delete(id);
          await this.remember(people);
          this.onLoaded(people.map(({ personId }) => personId));
        }
      } catch {
        // Offline or locked: asked again with the next plate that is missing.
      } finally {
        this.#loading = null;
      }
    })();
    return this.#loading;
  }
}
