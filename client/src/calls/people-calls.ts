/** `core.people`: the directory, and whom this device does not show. */
import type { PersonId } from "../ids.ts";
import type { Blocked } from "../people/blocked.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type { PeopleQuery, Plate } from "../seam.ts";
import type { Directory, People as PeoplePage, Person } from "../wire.ts";

export class PeopleCalls {
  readonly #people: PeopleDirectory;
  readonly #blocked: Blocked;

  constructor({
    people,
    blocked,
  }: {
    readonly people: PeopleDirectory;
    readonly blocked: Blocked;
  }) {
    this.#people = people;
    this.#blocked = blocked;
  }

  directory(): Promise<Directory> {
    return this.#people.directory();
  }

  search(query: PeopleQuery): Promise<PeoplePage> {
    return this.#people.search(query);
  }

  get(personId: PersonId): Promise<Person> {
    return this.#people.person(personId);
  }

  /** This device shows and notifies of nothing that this person writes from now on. */
  block(personId: PersonId, on: boolean): Promise<void> {
    return this.#blocked.set(personId, on);
  }

  blocked(): Promise<readonly Plate[]> {
    return this.#people.plates(this.#blocked.all());
  }
}
