/**
 * Posts, held or vacant, kept so that those already seen show and are found without network.
 *
 * The server says who holds a post; of each holder shows what their card signs (people.ts).
 */
import type { PostId, UnitId } from "../ids.ts";
import type { PostQuery } from "../seam.ts";
import type { Context } from "../context.ts";
import { hasCode } from "../failure.ts";
import { STORES } from "../records.ts";
import type { Change } from "../vault/vault.ts";
import type { ChainOfCommand, Post } from "../wire.ts";
import { inUnit, postsAmong } from "./known-posts.ts";
import type { PeopleDirectory } from "./people.ts";

export class PostDirectory {
  readonly #context: Pick<Context, "vault" | "api">;
  readonly #people: Pick<PeopleDirectory, "met" | "directory">;

  constructor(
    context: Pick<Context, "vault" | "api">,
    people: Pick<PeopleDirectory, "met" | "directory">,
  ) {
    this.#context = context;
    this.#people = people;
  }

  /** The posts of a unit itself, heads first. */
  async ofUnit(unitId: UnitId): Promise<readonly Post[]> {
    const posts = await this.#online(
      async () => {
        const { posts } = await this.#context.api.unitPosts(unitId);
        await this.#remember(posts, inUnit(await this.#known(), unitId));
        return posts;
      },
      (known) => inUnit(known, unitId),
    );
    return this.#signed(posts);
  }

  async find(asked: PostQuery): Promise<readonly Post[]> {
    const { unitId, ...others } = asked;
    const posts = await this.#online(
      async () => {
        const { posts } = await this.#context.api.posts({ ...others, unit: unitId });
        await this.#remember(posts);
        return posts;
      },
      async (known) => postsAmong(known, asked, await this.#people.directory()),
    );
    return this.#signed(posts);
  }

  async get(postId: PostId): Promise<Post> {
    try {
      const post = await this.#context.api.onePost(postId);
      await this.#remember([post]);
      return (await this.#signed([post]))[0] ?? post;
    } catch (error) {
      if (!hasCode(error, "network")) throw error;
      const known = await this.#context.vault.get<Post>(STORES.posts, postId);
      if (known === null) throw error;
      return (await this.#signed([known]))[0] ?? known;
    }
  }

  /** The posts that head a unit and each unit above it; without network the last read ones. */
  async chain(unitId: UnitId): Promise<ChainOfCommand> {
    const chain = await this.#askChain(unitId);
    const units = chain.units.map(async (unit) => ({
      ...unit,
      posts: [...(await this.#signed(unit.posts))],
    }));
    return { units: await Promise.all(units) };
  }

  async #askChain(unitId: UnitId): Promise<ChainOfCommand> {
    try {
      const chain = await this.#context.api.chainOfCommand(unitId);
      await this.#remember(chain.units.flatMap(({ posts }) => posts));
      const change: Change = { op: "put", store: STORES.meta, key: "chain", value: chain };
      await this.#context.vault.write([change]);
      return chain;
    } catch (error) {
      if (!hasCode(error, "network")) throw error;
      const known = await this.#context.vault.get<ChainOfCommand>(STORES.meta, "chain");
      if (known?.units[0]?.unitId !== unitId) throw error;
      return known;
    }
  }

  /** The posts that the server answers; without network the known ones, if any are. */
  async #online(
    ask: () => Promise<readonly Post[]>,
    offline: (known: readonly Post[]) => readonly Post[] | Promise<readonly Post[]>,
  ): Promise<readonly Post[]> {
    try {
      return await ask();
    } catch (error) {
      if (!hasCode(error, "network")) throw error;
      const known = await this.#known();
      if (known.length === 0) throw error;
      return offline(known);
    }
  }

  #known(): Promise<readonly Post[]> {
    return this.#context.vault.all<Post>(STORES.posts);
  }

  /** Keep these; `before`: the posts known in their place, which are forgotten where it is gone. */
  async #remember(posts: readonly Post[], before: readonly Post[] = []): Promise<void> {
    const there = new Set(posts.map(({ postId }) => postId));
    const gone = before.filter(({ postId }) => !there.has(postId));
    const changes: Change[] = [
      ...posts.map((value) => ({
        ...{ op: "put" as const, store: STORES.posts, key: value.postId, value },
      })),
      ...gone.map(({ postId }) => ({ op: "delete" as const, store: STORES.posts, key: postId })),
    ];
    if (changes.length > 0) await this.#context.vault.write(changes);
  }

  async #signed(posts: readonly Post[]): Promise<readonly Post[]> {
    const people = posts.flatMap(({ holders }) => holders.map(({ person }) => person));
    const signed = await this.#people.met(people);
    return posts.map((post) => ({
      ...post,
      holders: post.holders.map((held) => ({
        ...held,
        person: signed.get(held.person.personId) ?? held.person,
      })),
    }));
  }
}
