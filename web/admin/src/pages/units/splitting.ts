/** The posts and people that a split takes. Pure. */
import type { Person, PersonId, PostId } from "@copconnect/client/wire";

export interface Taken {
  readonly postIds: PostId[];
  readonly personIds: PersonId[];
}

/** Posts all of whose holders are chosen go with them; the others among the chosen leave theirs. */
export function wholePosts(
  people: readonly Pick<Person, "personId" | "postId">[],
  chosen: ReadonlySet<PersonId>,
): Taken {
  const staying = new Set(
    people.filter(({ personId }) => !chosen.has(personId)).map(({ postId }) => postId),
  );
  const going = people.filter(({ personId }) => chosen.has(personId));
  return {
    postIds: [...new Set(going.map(({ postId }) => postId))].filter((one) => !staying.has(one)),
    personIds: going.filter(({ postId }) => staying.has(postId)).map(({ personId }) => personId),
  };
}
