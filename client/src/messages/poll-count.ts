/**
 * Which votes of a poll count (docs/protocol.md, "Polls"). Pure: every device that holds the same log
 * counts the same.
 *
 * P1: a vote is its sender's by the signature of its message (R2, R3), and names a poll of the same
 * conversation. P2: it counts if its place in the log is before the author's close, and neither the
 * time that its sender signed nor the time when the server accepted it is after the end. The last
 * vote of a person that counts is the person's vote; an empty one takes it back. P3: in
 * an anonymous poll ballots alone count, in one by name plain votes alone. P4: totals are the
 * author's alone; those of the most ballots count, of equals the last in the log.
 */
import type { PersonId } from "../ids.ts";
import type { PollContent } from "../kinds/consultation.ts";
import { byPosition, type MarksRecord, type VoteRecord } from "../mark-records.ts";

export interface Count {
  /** By person: the vote that counts, in the order of the log. */
  readonly votes: ReadonlyMap<PersonId, VoteRecord>;
  readonly counts: readonly number[];
  readonly closed: boolean;
  /** Ballots among the votes that this device can read. */
  readonly ballots: number;
  /** The author's last totals, of as many options as the poll has. */
  readonly published: { readonly counts: readonly number[]; readonly ballots: number } | null;
}

export const NO_MARKS = {
  votes: [],
  closed: [],
  totals: [],
  accepted: [],
  reactions: [],
  edits: [],
  deletions: [],
  replies: [],
  device: null,
} as const;

export function countPoll(
  poll: PollContent,
  author: PersonId | null,
  marks: Pick<MarksRecord, "votes" | "closed" | "totals">,
): Count {
  const closes = marks.closed.filter(({ personId }) => personId === author);
  const closedAt = Math.min(Infinity, ...closes.map(({ position }) => position));
  const endsMs = poll.endsMs ?? Infinity;
  const counting = marks.votes
    .filter(({ sealed }) => sealed === poll.anonymous)
    .filter(({ position }) => position < closedAt)
    .filter(({ sentMs, signedMs }) => sentMs <= endsMs && signedMs <= endsMs)
    .filter(({ choices }) => choices === null || fits(poll, choices))
    .sort(byPosition);
  const votes = new Map<PersonId, VoteRecord>();
  for (const vote of counting) {
    votes.delete(vote.personId);
    votes.set(vote.personId, vote);
  }
  for (const [personId, { choices }] of votes) if (choices?.length === 0) votes.delete(personId);
  const counts = poll.options.map(
    (_, at) => [...votes.values()].filter(({ choices }) => choices?.includes(at)).length,
  );
  const totals = marks.totals
    .filter((one) => one.personId === author && one.counts.length === poll.options.length)
    .sort((a, b) => a.ballots - b.ballots || a.position - b.position)
    .at(-1);
  return {
    votes,
    counts,
    closed: closedAt < Infinity,
    ballots: [...votes.values()].filter(({ choices }) => choices !== null).length,
    published: poll.anonymous && totals !== undefined ? totals : null,
  };
}

/** Whether the options are of the poll, and no more than it allows. */
function fits(poll: PollContent, choices: readonly number[]): boolean {
  if (choices.length > 1 && !poll.multiple) return false;
  return choices.every((choice) => choice < poll.options.length);
}
