/** `core.people`: the directory, and whom this device does not show. */
import type { PersonId } from "../ids.ts";
import type { Oneself } from "../oneself/oneself.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type { PeopleQuery, Plate } from "../seam.ts";
import type { Directory, People as PeoplePage, Person } from "../wire.ts";

export class PeopleCalls {
  readonly #people: PeopleDirectory;
  readonly #oneself: Oneself;

  constructor({
    people,
    oneself,
  }: {
    readonly people: PeopleDirectory;
    readonly oneself: Oneself;
  }) {
    this.#people = people;
    this.#oneself = oneself;
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

  /** This person's devices show and notify of nothing that this person writes from now on. */
  block(personId: PersonId, on: boolean): Promise<void> {
    return this.#oneself.block(personId, on);
  }

  blocked(): Promise<readonly Plate[]> {
    return this.#people.plates(this.#oneself.all("blocked").map(({ of }) => of as PersonId));
  }
}
