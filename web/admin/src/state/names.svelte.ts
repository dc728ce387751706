/** Names of people and posts that acts and rules name, fetched when they are first shown. */
import { SvelteMap } from "svelte/reactivity";
import type { Names, Person, PersonId, Post, PostId } from "@copconnect/client/wire";
import { core } from "#app/core.ts";
import { nameOf } from "#i18n/format.ts";

const people = new SvelteMap<string, Person>();
let asked: readonly string[] = [];

/** People that came with an answer. */
export function remember(found: readonly Person[]): void {
  for (const one of found) people.set(one.personId, one);
}

/** A person's name; the start of the id until it is known. */
export function nameFor(personId: PersonId): string {
  const known = people.get(personId);
  if (known !== undefined) return nameOf(known.names);
  if (!asked.includes(personId)) {
    asked = [...asked, personId];
    core()
      .people.get(personId)
      .then(
        (person) => people.set(person.personId, person),
        () => (asked = asked.filter((one) => one !== personId)),
      );
  }
  return `${personId.slice(0, 8)}…`;
}

const posts = new SvelteMap<PostId, Names>();
let postsAsked: readonly PostId[] = [];

/** Posts that came with an answer. */
export function rememberPosts(found: readonly Post[]): void {
  for (const one of found) posts.set(one.postId, one.names);
}

/** A post's title; the start of the id until it is known, or for one that is gone. */
export function postName(postId: PostId): string {
  const known = posts.get(postId);
  if (known !== undefined) return nameOf(known);
  if (!postsAsked.includes(postId)) {
    postsAsked = [...postsAsked, postId];
    core()
      .posts.get(postId)
      .then(
        (post) => rememberPosts([post]),
        () => undefined,
      );
  }
  return `${postId.slice(0, 8)}…`;
}
