import { inEnglish } from "@copconnect/client/core";
import type { Person, PersonId, Post, PostId, Posting, UnitId } from "@copconnect/client/wire";
import { describe, expect, it } from "vitest";
import { beginning, chargeIn, unitOrder, type KnownPeople } from "./beginning.ts";

const STATION = "station" as UnitId;
const ZONE = "zone" as UnitId;
const STATE = "state" as UnitId;

function person(name: string, unitId: UnitId, more: Partial<Person> = {}): Person {
  return {
    ...{ personId: name as PersonId, names: inEnglish(name), number: "", rank: "PC", roles: [] },
    ...{ postId: "post" as PostId, post: inEnglish(""), unitId },
    ...{ charges: [], registered: true, status: "active", ...more },
  };
}

function charge(unitId: UnitId, head: boolean): Posting {
  return {
    ...{ postingId: 1, postId: "post" as PostId, unitId, post: inEnglish("DCP"), roles: [], head },
    ...{ charge: "officiating", fromMs: 1, untilMs: null },
  };
}

function post(unitId: UnitId, ...holders: readonly Person[]): Post {
  return {
    ...{ postId: `head of ${unitId}` as PostId, unitId, names: inEnglish("Head"), roles: [] },
    ...{ head: true, heldBy: holders.length },
    holders: holders.map((one, at) => ({ person: one, charge: at ? "officiating" : "regular" })),
  };
}

const sho = person("sho", STATION, { charges: [charge(ZONE, true)] });
const late = person("late", STATION, { registered: false });
const writer = person("writer", STATION);
const dcp = person("dcp", ZONE);

const known: KnownPeople = {
  unitId: STATION,
  chain: [
    { unitId: STATION, posts: [post(STATION, sho)] },
    { unitId: ZONE, posts: [post(ZONE, dcp, sho), post(ZONE, sho)] },
    { unitId: STATE, posts: [post(STATE)] },
  ],
  people: [late, sho, writer],
  failed: false,
  recents: [dcp],
  me: null,
};
const keys = (one: KnownPeople, whole = false): readonly string[] =>
  beginning(one, whole).map(({ key }) => key);

describe("beginning", () => {
  it("shows the unit, the chain and recents, heads first and the registered before others", () => {
    expect(keys(known)).toEqual([
      ...["mine", "mine:sho", "mine:writer", "mine:late"],
      ...["chain", "chain:zone:dcp", "chain:zone:sho", "chain:state", "recents", "recents:dcp"],
    ]);
  });

  it("marks a head by charge in the chain, and not at the own post", () => {
    const rows = beginning(known, false);
    const marked = rows.filter((row) => row.kind === "someone" && row.charge !== null);
    expect(marked.map(({ key }) => key)).toEqual(["chain:zone:sho"]);
  });

  it("calls units without a head vacant, the own one too", () => {
    const headless = {
      ...known,
      chain: [
        { unitId: STATION, posts: [] },
        { unitId: ZONE, posts: [post(ZONE)] },
      ],
    };
    const vacant = beginning(headless, false).filter((row) => row.kind === "vacant");
    expect(vacant.map(({ key, post }) => [key, post?.postId ?? null])).toEqual([
      ["mine:", null],
      ["chain:zone", "head of zone"],
    ]);
  });

  it("shows few of many until all are asked for", () => {
    const many = {
      ...known,
      people: Array.from({ length: 30 }, (_, n) => person(`${n}`, STATION)),
    };
    expect(beginning(many, false).find(({ kind }) => kind === "all")).toMatchObject({ count: 31 });
    expect(keys(many)).not.toContain("mine:29");
    expect(keys(many, true)).toContain("mine:29");
    expect(keys(many, true)).not.toContain("all");
  });

  it("shows nobody to themselves, and waits or has failed without a chain", () => {
    expect(keys({ ...known, me: sho.personId })).not.toContain("mine:sho");
    const kinds = (one: KnownPeople): readonly string[] =>
      beginning(one, false).map(({ kind }) => kind);
    expect(kinds({ ...known, chain: null })).toContain("waiting");
    expect(kinds({ ...known, chain: null, failed: true })).toContain("lost");
  });
});

it("finds the charge that puts a person into a unit, unless the post does", () => {
  expect(chargeIn(sho, new Set([ZONE]))?.unitId).toBe(ZONE);
  expect(chargeIn(sho, new Set([ZONE, STATION]))).toBeNull();
  expect(chargeIn(sho, new Set([STATE]))).toBeNull();
});

it("lists each person of a unit once", () => {
  expect(unitOrder([sho], [sho, writer]).map(({ personId }) => personId)).toEqual([
    "sho",
    "writer",
  ]);
});
