/** A poll as the screens see it, and the moment when its author publishes the totals. */
import type { Conversation } from "../conversation/conversation.ts";
import type { PollShut, PollState } from "../seam.ts";
import type { DeviceContext } from "../context.ts";
import type { MarkContent } from "../kinds/mark.ts";
import { FEWEST_BALLOTS, type PollContent } from "../kinds/consultation.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type { MessageRecord } from "../records.ts";
import { openSealed } from "./marks.ts";
import { queuedMarksOn, type OutgoingStore } from "./outgoing.ts";
import { NO_MARKS, countPoll, type Count } from "./poll-count.ts";

export interface PollParts {
  readonly context: DeviceContext;
  readonly people: PeopleDirectory;
  readonly outgoing: OutgoingStore;
  /** The author's device holds every ballot of an ended poll whose totals are not published. */
  readonly onCounted: (conversation: Conversation, totals: MarkContent) => void;
}

export async function pollState(
  parts: PollParts,
  conversation: Conversation,
  message: MessageRecord,
  poll: PollContent,
): Promise<PollState> {
  const { context, people } = parts;
  const marks = (await conversation.marks.get(null, message.messageId)) ?? NO_MARKS;
  const count = countPoll(poll, message.senderId, marks);
  const shut = shutOf(context, conversation, message, poll, count);
  const own = await ownVote(parts, conversation, message, count);
  const totals = totalsOf(message, poll, count, shut);
  if (totals === "count") publish(parts, conversation, message, count, shut);
  const shown = totals === "published" && count.published !== null ? count.published : count;
  const countless = totals === "hidden" || totals === "few";
  const voted = [...count.votes];
  return {
    options: await Promise.all(
      poll.options.map(async (_, at) => ({
        votes: countless ? null : (shown.counts[at] ?? 0),
        people: poll.anonymous
          ? []
          : await people.plates(
              voted
                .filter(([, { choices }]) => choices?.includes(at))
                .map(([personId]) => personId),
            ),
      })),
    ),
    voters: count.votes.size,
    counted: totals === null || countless ? null : shown.ballots,
    own,
    mine: message.mine,
    shut,
    totals,
  };
}

function shutOf(
  { time, now }: DeviceContext,
  { record }: Conversation,
  message: MessageRecord,
  poll: PollContent,
  count: Count,
): PollShut | null {
  if (message.seq === null) return "queued";
  if (count.closed) return "closed";
  if (poll.endsMs !== null && (time.now() ?? now()) > poll.endsMs) return "ended";
  const maySend = record.whoMaySend === "everyone" || record.admin;
  return record.state === "left" || !maySend ? "left" : null;
}

function totalsOf(
  message: MessageRecord,
  poll: PollContent,
  count: Count,
  shut: PollShut | null,
): PollState["totals"] {
  if (!poll.anonymous) return null;
  if (message.mine && count.ballots >= (count.published?.ballots ?? 0)) return "count";
  if (count.published !== null) return "published";
  const ended = shut === "closed" || shut === "ended";
  return ended && count.votes.size < FEWEST_BALLOTS ? "few" : "hidden";
}

/** This person's newest choice, on its way or in the log. */
async function ownVote(
  { context, outgoing }: PollParts,
  conversation: Conversation,
  { messageId }: MessageRecord,
  count: Count,
): Promise<readonly number[] | null> {
  const { personId, deviceBytes } = context.identity();
  for (const what of queuedMarksOn(outgoing, conversation, messageId)) {
    if (what.mark === "vote") return what.choices;
    if (what.mark !== "ballot") continue;
    const { seals } = what;
    const opened = await openSealed(context, conversation, messageId, deviceBytes, seals);
    return opened === "void" ? null : opened;
  }
  const counted = count.votes.get(personId);
  return counted === undefined ? [] : counted.choices;
}

/** Totals of an ended anonymous poll go out once, and again where they were others. */
function publish(
  { outgoing, onCounted }: PollParts,
  conversation: Conversation,
  { messageId }: MessageRecord,
  { counts, ballots, published }: Count,
  shut: PollShut | null,
): void {
  const ended = shut === "closed" || shut === "ended";
  if (!ended || ballots < FEWEST_BALLOTS) return;
  // Another device of the author's may have fewer, which it could read.
  if (published !== null && published.ballots >= ballots) return;
  const content: MarkContent = {
    kind: "mark",
    messageId,
    what: { mark: "totals", counts, ballots },
  };
  const queued = queuedMarksOn(outgoing, conversation, messageId);
  if (!queued.some(({ mark }) => mark === "totals")) onCounted(conversation, content);
}
