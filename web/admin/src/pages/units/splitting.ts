/** The posts and people that a split takes, and the people among whom one chooses. Pure. */
import type { Names, Person, PersonId, PostId } from "@copconnect/client/wire";

/** Rows that the form shows at once. */
export const PAGE = 100;

export interface Narrowed {
  readonly text: string;
  /** "": any. */
  readonly rank: string;
  readonly postId: PostId | "";
}

export interface PostCount {
  readonly postId: PostId;
  readonly names: Names;
  readonly people: number;
}

/** The people who fit: each word is part of a name or of the post in any language, or of the number. */
export function fitting(people: readonly Person[], asked: Narrowed): readonly Person[] {
  const words = asked.text.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  return people.filter(
    (one) =>
      (asked.rank === "" || one.rank === asked.rank) &&
      (asked.postId === "" || one.postId === asked.postId) &&
      (words.length === 0 || has(searched(one), words)),
  );
}

function has(text: string, words: readonly string[]): boolean {
  return words.every((word) => text.includes(word));
}

const texts = new WeakMap<Person, string>();

function searched(person: Person): string {
  let text = texts.get(person);
  if (text === undefined) {
    const { names, post, number } = person;
    const spellings = [names, post].flatMap(({ en, te, ur, hi }) => [en, te, ur, hi]);
    text = [...spellings, number].join(" ").toLocaleLowerCase();
    texts.set(person, text);
  }
  return text;
}

/** The posts that these people hold, those with most people first. */
export function postCounts(people: readonly Person[]): readonly PostCount[] {
  const found = new Map<PostId, PostCount>();
  for (const { postId, post } of people)
    found.set(postId, { postId, names: post, people: (found.get(postId)?.people ?? 0) + 1 });
  return [...found.values()].sort((a, b) => b.people - a.people);
}

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
