/** The calls of core.ts about people and the directory, and whom this device does not show. */
import type { PersonId, PostId, UnitId } from "../ids.ts";
import type { Core } from "../core.ts";
import type { PeopleQuery, Plate, PostQuery } from "../seam.ts";
import type { Reach } from "./reach.ts";

export class PeopleCalls {
  readonly #reach: Reach;

  constructor(reach: Reach) {
    this.#reach = reach;
  }

  async directory(): ReturnType<Core["directory"]> {
    await this.#reach.device();
    return this.#reach.people.directory();
  }

  async search(query: PeopleQuery): ReturnType<Core["people"]> {
    await this.#reach.device();
    return this.#reach.people.search(query);
  }

  async person(personId: PersonId): ReturnType<Core["person"]> {
    await this.#reach.device();
    return this.#reach.people.person(personId);
  }

  async chain(unitId: UnitId): ReturnType<Core["chain"]> {
    await this.#reach.device();
    return this.#reach.posts.chain(unitId);
  }

  async unitPosts(unitId: UnitId): ReturnType<Core["unitPosts"]> {
    await this.#reach.device();
    return this.#reach.posts.ofUnit(unitId);
  }

  async posts(query: PostQuery): ReturnType<Core["posts"]> {
    await this.#reach.device();
    return this.#reach.posts.find(query);
  }

  async post(postId: PostId): ReturnType<Core["post"]> {
    await this.#reach.device();
    return this.#reach.posts.one(postId);
  }

  async block(personId: PersonId, on: boolean): Promise<void> {
    await this.#reach.device();
    await this.#reach.blocked.set(personId, on);
  }

  async blocked(): Promise<readonly Plate[]> {
    await this.#reach.device();
    return this.#reach.people.plates(this.#reach.blocked.all());
  }
}
