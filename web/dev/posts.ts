/** The posts of the invented people, and a vacant one in every station. */
import { spellings, type ConversationItem } from "@copconnect/client/core";
import type {
  Names,
  Person,
  PersonId,
  Post,
  PostHolder,
  PostId,
  Posting,
  UnitHeads,
  UnitId,
} from "@copconnect/client/wire";
import { id, refusal } from "#practice/items.ts";
import { HEADING, ME, PEOPLE, UNITS, plate } from "./organisation.ts";

const LISTED = 20;

function make(): readonly Post[] {
  const posts = new Map<PostId, Post>();
  const hold = (
    post: Omit<Post, "holders" | "heldBy">,
    person: Person,
    charge: Posting["charge"],
  ): void => {
    const before = posts.get(post.postId) ?? { ...post, holders: [], heldBy: 0 };
    const holder: PostHolder = { person, charge };
    const holders = person.status === "active" ? [...before.holders, holder] : before.holders;
    posts.set(post.postId, {
      ...before,
      holders: holders.slice(0, LISTED),
      heldBy: holders.length,
    });
  };
  for (const person of PEOPLE) {
    const { postId, unitId, post: names, roles, rank, charges } = person;
    hold({ postId, unitId, names, roles, head: HEADING.has(rank) }, person, "regular");
    for (const held of charges) {
      const { postId, unitId, post: names, roles, head } = held;
      hold({ postId, unitId, names, roles, head }, person, held.charge);
    }
  }
  const vacant: Names = {
    ...{ en: "Detective Inspector", te: "డిటెక్టివ్ ఇన్‌స్పెక్టర్" },
    ...{ ur: "سراغ رساں انسپکٹر", hi: "जासूसी निरीक्षक" },
  };
  for (const [at, { unitId, level }] of UNITS.entries())
    if (level === "station") {
      const postId = id<PostId>(12, at);
      posts.set(postId, {
        ...{ postId, unitId, names: vacant, roles: ["crime"], head: false },
        ...{ holders: [], heldBy: 0 },
      });
    }
  return [...posts.values()];
}

const POSTS = make();

export function postsOf(unitId: UnitId): readonly Post[] {
  return POSTS.filter((post) => post.unitId === unitId).sort(
    (a, b) => Number(b.head) - Number(a.head) || Number(a.heldBy === 0) - Number(b.heldBy === 0),
  );
}

export function postOf(postId: PostId): Post | undefined {
  return POSTS.find((post) => post.postId === postId);
}

export function postsFound(text: string, limit: number): readonly Post[] {
  const words = text.toLocaleLowerCase().split(/\s+/u).filter(Boolean);
  return POSTS.filter((post) => {
    const unit = UNITS.find(({ unitId }) => unitId === post.unitId);
    const said = [...spellings(post.names), ...(unit ? spellings(unit.names) : []), ...post.roles];
    return words.every((word) => said.join(" ").toLocaleLowerCase().includes(word));
  }).slice(0, limit);
}

/** The holders of a post, and how the conversation with them differs from another one. */
export function asked(postId: PostId): {
  readonly holders: readonly PersonId[];
  readonly change: Partial<ConversationItem>;
} {
  const post = postOf(postId);
  if (post === undefined || post.holders.length === 0) throw refusal("post_vacant");
  const { unitId, names: title, holders } = post;
  const standing = { key: null, title, unitId, about: "post" as const, postId };
  return {
    holders: holders.map(({ person }) => person.personId),
    change: { standing, post: { mine: true, asker: plate(ME) }, admin: false },
  };
}

/** The posts that head a unit and each unit above it. */
export function chainOf(unitId: UnitId): readonly UnitHeads[] {
  const units: UnitHeads[] = [];
  let at = UNITS.find((unit) => unit.unitId === unitId);
  while (at !== undefined) {
    const { unitId: of, parentId } = at;
    units.push({ unitId: of, posts: postsOf(of).filter(({ head }) => head) });
    at = UNITS.find((unit) => unit.unitId === parentId);
  }
  return units;
}
