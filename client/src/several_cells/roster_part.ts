/**
 * The roster of a conversation of several cells as a client keeps it: the heads that it passed, and
 * its own cell's part, fetched when the log says that it changed.
 *
 * The log is read in order, the part is always today's. While the log is at an earlier place, who
 * came and went in between is not known: see `ofThePast`.
 */
import type { Conversation } from "../conversation.ts";
import { Work } from "../conversation.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import type { RosterView } from "../mls/types.ts";
import { CellRosterCopy } from "../roster/cell-roster-copy.ts";
import { HeadHistory, type HeadAt } from "../roster/heads.ts";
import { parseHead, type RosterHead } from "../roster/head.ts";
import { RosterRefused } from "../roster/refused.ts";
import { ofThePast, type Roster } from "../roster/roster.ts";
import { RosterCopy } from "../roster/roster-copy.ts";
import { StateLost } from "../stops.ts";

const HEADS_PAGE = 256;
/** A DS keeps its log at least for so long; it keeps the heads for ever. */
const LOG_KEPT_MS = 30 * 24 * 3_600_000;

interface Fetched {
  readonly roster: Roster;
  readonly heads: HeadHistory | null;
}

/** What of a conversation or of changes to it says which roster is held. */
type Held = Readonly<Pick<Work, "roster" | "heads" | "record">>;

/**
 * Today's roster, or our cell's part of it; it must continue what we hold. Throws RosterRefused,
 * `not_member` when this device has no place in `cellId` any more.
 */
export async function fetchRoster(
  context: DeviceContext,
  conversation: Conversation,
  held: Held,
  cellId = held.record.cellId,
): Promise<Fetched> {
  const roster = await currentRoster(context, conversation, held, cellId);
  if (held.heads === null && roster instanceof RosterCopy) {
    requireNotBack(held.roster, roster);
    return { roster, heads: null };
  }
  const base = held.heads ?? HeadHistory.from((held.roster ?? roster).head);
  if (roster.head.epoch < base.newest.epoch)
    throw new RosterRefused("not_an_extension", "the roster went back");
  const heads = await headsUpTo(context, base, roster.head.epoch);
  if (heads.newest.hash !== roster.head.hash)
    throw new RosterRefused("fork", "two signed heads for one epoch");
  return { roster, heads };
}

async function currentRoster(
  { api }: DeviceContext,
  conversation: Conversation,
  { record }: Held,
  cellId: string,
): Promise<Roster> {
  const part = async (): Promise<Roster> => {
    const { head, leaves, first, proof } = await api.cellRoster(conversation.id, cellId);
    return conversation.openRoster({ head, leaves, cell: { cellId, first, proof } });
  };
  const whole = async (): Promise<Roster> => {
    const { head, leaves } = await api.roster(conversation.id);
    return conversation.openRoster({ head, leaves });
  };
  const several = record.cells > 1;
  try {
    return await (several ? part() : whole());
  } catch (error) {
    // The number of cells has changed and we have not heard of it yet.
    if (!hasCode(error, "wrong_mode")) throw error;
    return several ? whole() : part();
  }
}

function requireNotBack(held: Roster | null, roster: Roster): void {
  if (held === null) return;
  if (roster.head.epoch < held.head.epoch)
    throw new RosterRefused("not_an_extension", "the roster went back");
  if (roster.head.epoch === held.head.epoch && roster.head.hash !== held.head.hash)
    throw new RosterRefused("fork", "two signed heads for one epoch");
}

async function headsUpTo(
  { api, checker }: DeviceContext,
  from: HeadHistory,
  epoch: number,
): Promise<HeadHistory> {
  const { publicKey } = checker().rosterAuthority();
  let heads = from;
  while (heads.newest.epoch < epoch) {
    const first = heads.newest.epoch + 1;
    const last = Math.min(epoch, first + HEADS_PAGE - 1);
    const page = await api.rosterHeads(heads.newest.conversationId, first, last);
    const longer = await heads.extend(page.heads, publicKey);
    if (longer === heads) throw new RosterRefused("not_an_extension", "heads are missing");
    heads = longer;
  }
  return heads;
}

/**
 * The heads up to the one before `epoch`: of a device that was away for so long that the log has
 * their entries no more. Throws RosterRefused when one of them is too young for that.
 */
export async function passedOver(
  context: DeviceContext,
  heads: HeadHistory,
  epoch: number,
): Promise<HeadHistory> {
  if (epoch <= heads.newest.epoch + 1) return heads;
  const before = await headsUpTo(context, heads, epoch - 1);
  if (before.newest.createdMs > context.serverNow() - LOG_KEPT_MS)
    throw new RosterRefused("not_an_extension", "the log lacks an entry of the roster");
  return before;
}

/** The head that the DS says is the newest: ours, or one that continues it. Throws RosterRefused. */
export async function followHead(
  context: DeviceContext,
  work: Pick<Work, "heads">,
  bytes: Uint8Array,
): Promise<RosterHead> {
  const { heads } = work;
  if (heads === null) throw new StateLost("no roster heads");
  const head = parseHead(bytes);
  if (head.conversationId !== heads.newest.conversationId)
    throw new RosterRefused("wrong_conversation", "head of another conversation");
  if (head.epoch < heads.newest.epoch)
    throw new RosterRefused("not_an_extension", "the roster went back");
  const { publicKey } = context.checker().rosterAuthority();
  const before = await headsUpTo(context, heads, head.epoch - 1);
  const longer = await before.extend([bytes], publicKey);
  if (longer.newest.hash !== head.hash)
    throw new RosterRefused("fork", "two signed heads for one epoch");
  work.heads = longer;
  return longer.newest;
}

/** The head of a roster epoch that a message refers to; null when there is none. */
export async function headAt(
  context: DeviceContext,
  work: Pick<Work, "heads">,
  epoch: number,
): Promise<HeadAt | null> {
  const { heads } = work;
  if (heads === null) return null;
  const known = heads.at(epoch);
  if (known !== null) return known;
  const { api } = context;
  const { conversationId } = heads.newest;
  if (epoch > heads.newest.epoch) {
    const page = await api.rosterHeads(conversationId, heads.newest.epoch + 1, epoch);
    if (page.heads.length === 0) return null;
    const { publicKey } = context.checker().rosterAuthority();
    work.heads = await heads.extend(page.heads, publicKey);
    return work.heads.at(epoch);
  }
  const older: Uint8Array[] = [];
  for (let first = epoch; first < heads.oldest.epoch; first += HEADS_PAGE) {
    const last = Math.min(first + HEADS_PAGE, heads.oldest.epoch) - 1;
    const page = await api.rosterHeads(conversationId, first, last);
    if (page.heads.length !== last - first + 1) return null;
    older.push(...page.heads);
  }
  return heads.reach(epoch, older);
}

/**
 * Take over today's roster. `renewed` false: this device has no place in its cell any more, and
 * where it belongs now is for membership.ts to ask.
 */
export async function renewRoster(
  context: DeviceContext,
  conversation: Conversation,
  work: Work,
): Promise<boolean> {
  const { roster: before, heads, record } = work;
  let fetched: Fetched;
  try {
    fetched = await fetchRoster(context, conversation, work);
  } catch (error) {
    if (!hasCode(error, "not_member", "not_found")) throw error;
    return false;
  }
  const { certificateHash } = context.account();
  if (!fetched.roster.names(record.cellId, certificateHash)) return false;
  if ((before === null || isAll(before)) && !isAll(fetched.roster)) noteUnkeyed(work);
  work.roster = fetched.roster;
  work.heads = fetched.heads;
  // A whole copy has followed the log up to its head.
  const place = heads === null ? before?.head.epoch : record.rosterPlace;
  work.set({ rosterStale: false, rosterPlace: place ?? fetched.roster.head.epoch });
  if (before !== null && isAll(before) !== isAll(fetched.roster)) noteMoved(work, before);
  return true;
}

/**
 * Other cells came beside ours, in the middle of an epoch: it has no key, unless it is of a time when
 * there were others before. Then the DS says so when it is given one.
 */
export function noteUnkeyed(work: Work): void {
  work.set({ unkeyedEpoch: work.group?.epoch ?? null });
}

/** Whether these are all leaves of the conversation: there is one cell. */
export function isAll(roster: Roster): boolean {
  return roster instanceof RosterCopy || roster.leaves().length === roster.head.leaves;
}

/** Whether the copy is of the form that the number of cells asks for, and of today for our cell. */
export function rosterFits({ roster, record }: Held): boolean {
  const part = roster instanceof CellRosterCopy;
  return roster !== null && part === record.cells > 1 && record.rosterStale !== true;
}

/**
 * Have today's part of the roster, for what is sent or committed now. False: this device has no
 * place in its cell any more. Inside the queue; stored at once.
 */
export async function freshRoster(
  context: DeviceContext,
  conversation: Conversation,
): Promise<boolean> {
  const { roster, heads } = conversation;
  const newest = heads?.newest.epoch ?? 0;
  if (rosterFits(conversation) && (roster?.head.epoch ?? 0) >= newest) return true;
  const work = new Work(conversation);
  if (!(await renewRoster(context, conversation, work))) return false;
  await conversation.store(work);
  return true;
}

/** Cells became one: who was moved into ours is let in before anything is sent. */
function noteMoved(work: Work, before: Roster): void {
  const { roster, record } = work;
  if (roster === null || !isAll(roster)) {
    work.set({ awaited: [] });
    return;
  }
  const known = new Set(before.leaves().map(({ clientId }) => clientId));
  const moved = roster.leaves().filter((leaf) => leaf.cellId === record.cellId);
  const awaited = moved.map(({ clientId }) => clientId).filter((id) => !known.has(id));
  work.set({ awaited: [...new Set(awaited)] });
}

/** The roster by which an entry of the log is judged. */
export async function rosterForEntry(
  context: DeviceContext,
  conversation: Conversation,
  work: Work,
): Promise<RosterView> {
  if (work.roster === null) throw new StateLost("no roster");
  // Of entries that the log has forgotten, who came and went is not known either.
  if (work.heads === null)
    return work.record.rosterStale === true ? ofThePast(work.roster) : work.roster;
  if (work.record.rosterStale === true && !(await renewRoster(context, conversation, work)))
    return ofThePast(work.roster);
  const ahead = work.roster.head.epoch > (work.record.rosterPlace ?? Infinity);
  return ahead ? ofThePast(work.roster) : work.roster;
}
