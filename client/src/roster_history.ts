/**
 * The roster as it was at an earlier place in the log. A client that is let in by a Welcome of
 * last week judges last week's entries by last week's roster: it fetches today's, and walks back
 * through the roster entries after the Welcome. Every step is verified by the signed heads. With
 * several cells, also where they have become one since, the entries do not say who came and went: see
 * `ofThePast`.
 */
import { requireRoster } from "./committing.ts";
import type { Conversation } from "./conversation.ts";
import type { RosterView } from "./mls/types.ts";
import { HeadHistory } from "./roster/heads.ts";
import { RosterRefused } from "./roster/refused.ts";
import { parseHead } from "./roster/head.ts";
import { ofThePast, type Roster } from "./roster/roster.ts";
import { RosterCopy } from "./roster/roster-copy.ts";
import type { Api } from "./transport/api.ts";
import { unpack } from "./unpack.ts";
import type { RosterChange } from "./wire.ts";

const PAGE = 500;
/** How far before the place to look for the head that was valid there. */
const BEFORE = 200;

export interface RosterAtPlace {
  /** What to go on from. */
  readonly roster: Roster;
  /** What to judge by at the place. */
  readonly view: RosterView;
  /** The roster epoch there. */
  readonly place: number;
  /** There is one cell now, and there were several: their signed heads, to read on by. */
  readonly heads: HeadHistory | null;
}

/** Throws RosterRefused when the log does not lead back to the place. */
export async function rosterAt(
  api: Api,
  conversation: Conversation,
  seq: number,
): Promise<RosterAtPlace> {
  const newest = requireRoster(conversation);
  const one = newest instanceof RosterCopy;
  // Of several cells the first one after the place says all.
  const [from, most] = one ? [Math.max(0, seq - BEFORE), Infinity] : [seq, 1];
  const changes = await changesFrom(api, conversation.id, from, most);
  const later = changes.filter((entry) => entry.seq > seq);
  const severalThen = later.some(({ change }) => (change as Partial<RosterChange>).whole === false);
  if (one && !severalThen) {
    const roster = await walkedBack(changes, newest, seq);
    return { roster, view: roster, place: roster.head.epoch, heads: null };
  }
  const next = later[0] === undefined ? Infinity : parseHead(later[0].change.head).epoch;
  const place = Math.min(newest.head.epoch, next - 1);
  const view = place < newest.head.epoch ? ofThePast(newest) : newest;
  return { roster: newest, view, place, heads: one ? HeadHistory.from(newest.head) : null };
}

interface ChangeAt {
  readonly seq: number;
  readonly change: RosterChange;
}

/** The roster entries after a place, ascending: all, or no further than the page with `most`. */
async function changesFrom(
  api: Api,
  conversationId: string,
  from: number,
  most: number,
): Promise<readonly ChangeAt[]> {
  const changes: ChangeAt[] = [];
  let after = from;
  for (;;) {
    const page = await api.log(conversationId, after, PAGE);
    for (const entry of page.entries) {
      if (entry.kind !== "roster") continue;
      changes.push({ seq: entry.seq, change: unpack(entry.payload) as RosterChange });
    }
    const last = page.entries.at(-1);
    if (!page.more || last === undefined || changes.length >= most) return changes;
    after = last.seq;
  }
}

async function walkedBack(
  changes: readonly ChangeAt[],
  newest: RosterCopy,
  seq: number,
): Promise<RosterCopy> {
  let roster = newest;
  for (let i = changes.length - 1; i >= 0; i--) {
    const step = changes[i];
    if (step === undefined || step.seq <= seq) break;
    // Changes after the newest copy was fetched are applied when the log is processed.
    if (parseHead(step.change.head).epoch > roster.head.epoch) continue;
    const before = changes[i - 1];
    if (before === undefined) throw new RosterRefused("not_an_extension", "history is too short");
    roster = await roster.rewind(step.change, before.change.head);
  }
  return roster;
}
