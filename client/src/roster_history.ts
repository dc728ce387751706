/**
 * The roster as it was at an earlier place in the log. A client that is let in by a Welcome of
 * last week judges last week's entries by last week's roster: it fetches today's, and walks back
 * through the roster entries after the Welcome. Every step is verified by the signed heads. With
 * several cells the entries do not say who came and went: see `ofThePast`.
 */
import { requireRoster } from "./committing.ts";
import type { Conversation } from "./conversation.ts";
import type { RosterView } from "./mls/types.ts";
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
}

/** Throws RosterRefused when the log does not lead back to the place. */
export async function rosterAt(
  api: Api,
  conversation: Conversation,
  seq: number,
): Promise<RosterAtPlace> {
  const newest = requireRoster(conversation);
  if (newest instanceof RosterCopy) {
    const roster = await walkedBack(api, conversation.id, newest, seq);
    return { roster, view: roster, place: roster.head.epoch };
  }
  const next = await firstEpochAfter(api, conversation.id, seq);
  const place = Math.min(newest.head.epoch, (next ?? Infinity) - 1);
  const view = place < newest.head.epoch ? ofThePast(newest) : newest;
  return { roster: newest, view, place };
}

/** The epoch of the first roster entry after a place; null when there is none. */
async function firstEpochAfter(
  api: Api,
  conversationId: string,
  seq: number,
): Promise<number | null> {
  for (let after = seq; ;) {
    const page = await api.log(conversationId, after, PAGE);
    const entry = page.entries.find(({ kind }) => kind === "roster");
    if (entry !== undefined) return parseHead((unpack(entry.payload) as RosterChange).head).epoch;
    const last = page.entries.at(-1);
    if (!page.more || last === undefined) return null;
    after = last.seq;
  }
}

async function walkedBack(
  api: Api,
  conversationId: string,
  newest: RosterCopy,
  seq: number,
): Promise<RosterCopy> {
  const changes: { readonly seq: number; readonly change: RosterChange }[] = [];
  let after = Math.max(0, seq - BEFORE);
  for (;;) {
    const page = await api.log(conversationId, after, PAGE);
    for (const entry of page.entries) {
      if (entry.kind !== "roster") continue;
      changes.push({ seq: entry.seq, change: unpack(entry.payload) as RosterChange });
    }
    const last = page.entries.at(-1);
    if (!page.more || last === undefined) break;
    after = last.seq;
  }
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
