import { describe, expect, it } from "vitest";
import { newId, type PersonId } from "../ids.ts";
import type { PollContent } from "../kinds/consultation.ts";
import type { MarkFact, MarksRecord, VoteRecord } from "../mark-records.ts";
import { countPoll } from "./poll-count.ts";

const [author, asha, balu] = [newId<PersonId>(), newId<PersonId>(), newId<PersonId>()];
const ENDS = 1_000;
const NAMED: PollContent = {
  ...{ kind: "poll", question: "When?", options: ["Mon", "Tue", "Wed"] },
  ...{ multiple: false, anonymous: false, endsMs: ENDS },
};

function at(personId: PersonId, position: number, signedMs = 10, sentMs = signedMs): MarkFact {
  return { personId, position, sentMs, signedMs };
}

function vote(fact: MarkFact, choices: readonly number[] | null, sealed = false): VoteRecord {
  return { ...fact, choices, sealed };
}

function count(poll: PollContent, marks: Partial<MarksRecord>) {
  return countPoll(poll, author, { votes: [], closed: [], totals: [], ...marks });
}

describe("votes", () => {
  it("count once for each person: the last in the log, in whatever order they came (P2)", () => {
    const votes = [vote(at(asha, 5), [2]), vote(at(asha, 3), [0]), vote(at(balu, 4), [0])];
    expect(count(NAMED, { votes }).counts).toEqual([1, 0, 1]);
    const back = [...votes, vote(at(asha, 9), [])];
    expect(count(NAMED, { votes: back }).counts).toEqual([1, 0, 0]);
  });

  it("after the end change nothing, by the signed time and by the server's (P2)", () => {
    const before = vote(at(asha, 3, ENDS), [0]);
    const signedLate = vote(at(asha, 4, ENDS + 1, ENDS - 5), [1]);
    const acceptedLate = vote(at(asha, 5, ENDS - 5, ENDS + 1), [1]);
    expect(count(NAMED, { votes: [before, signedLate, acceptedLate] }).counts).toEqual([1, 0, 0]);
  });

  it("after the author's close do not count; a close by anybody else closes nothing (P2)", () => {
    const votes = [vote(at(asha, 3), [0]), vote(at(balu, 7), [1])];
    expect(count(NAMED, { votes, closed: [at(balu, 2)] })).toMatchObject({ closed: false });
    const closed = [at(balu, 2), at(author, 6)];
    expect(count(NAMED, { votes, closed })).toMatchObject({ counts: [1, 0, 0], closed: true });
  });

  it("for more options than the poll has, or allows, are none", () => {
    const votes = [vote(at(asha, 3), [3]), vote(at(balu, 4), [0, 1])];
    expect(count(NAMED, { votes }).votes.size).toBe(0);
    expect(count({ ...NAMED, multiple: true }, { votes }).counts).toEqual([1, 1, 0]);
  });
});

describe("an anonymous poll", () => {
  const SECRET = { ...NAMED, anonymous: true };

  it("counts ballots alone: a plain vote would name its choice (P3)", () => {
    const votes = [vote(at(asha, 3), [0]), vote(at(balu, 4), [1], true)];
    expect(count(SECRET, { votes }).counts).toEqual([0, 1, 0]);
    expect(count(NAMED, { votes }).counts).toEqual([1, 0, 0]);
  });

  it("says how many of its ballots a device cannot open", () => {
    const votes = [vote(at(asha, 3), null, true), vote(at(balu, 4), [1], true)];
    expect(count(SECRET, { votes })).toMatchObject({ ballots: 1, counts: [0, 1, 0] });
    expect(count(SECRET, { votes }).votes.size).toBe(2);
  });

  it("has the totals that its author stated of the most ballots, last, and nobody else's (P4)", () => {
    const stated = (fact: MarkFact, ballots: number, ...counts: number[]) => {
      return { ...fact, counts, ballots };
    };
    const totals = [
      stated(at(author, 9), 6, 4, 1, 1),
      stated(at(author, 5), 6, 6, 0, 0),
      stated(at(author, 11), 5, 5, 0, 0),
      stated(at(balu, 12), 9, 0, 0, 9),
      stated(at(author, 13), 9, 9),
    ];
    expect(count(SECRET, { totals }).published).toMatchObject({ counts: [4, 1, 1] });
    expect(count(NAMED, { totals }).published).toBeNull();
  });
});
