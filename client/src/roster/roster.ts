/**
 * The whole roster of a conversation of up to {@link KNOWN_DEVICES} devices by its signed head, as
 * this device saw it last: for notices of what changed, for who reads and from when. In larger ones
 * this device looks at its own cell, when a screen asks, and shows no notices.
 *
 * The vault holds the leaves under the epoch of the newest notices; a newer epoch is fetched, checked
 * under its head, compared, and stored with the notices in one transaction.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import { refuseUnless } from "../keys/format/refused.ts";
import { KNOWN_DEVICES } from "../limits.ts";
import { concat, equalBytes } from "../octets.ts";
import { noticeId, noticeMessage } from "../conversation/messages.ts";
import { STORES, type MembersRecord, type RosterRecord } from "../records.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import type { Member } from "../wire.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import { checkCell, checkLines, readLeaves, rootOf } from "./cells.ts";
import { requireNewest, type Newest } from "./newest.ts";
import { rosterNotices, showsDepartures } from "./notices.ts";
import { judgeParties } from "../conversation/parties.ts";

/** Past every version of a cell key, in the 15 digits that the server reads. */
const AFTER_ALL = 999_999_999_999_999;

/** The leaves of which notices were last shown; null: none yet. */
export async function knownRoster(
  { vault }: DeviceContext,
  { id }: Conversation,
): Promise<readonly Leaf[] | null> {
  const record = await vault.get<RosterRecord>(STORES.rosters, id);
  return record === null ? null : readLeaves(record.leaves, "R4");
}

/**
 * Fetch the newest roster and tell what is another. Outside the queue; the head is the one whose
 * stamp was checked. `newer`: the server says that there is a newer one.
 */
export async function followRoster(
  context: DeviceContext,
  conversation: Conversation,
  newest: () => Promise<Newest>,
  newer: boolean,
): Promise<void> {
  const { vault, trust } = context;
  const { headEpoch, devices } = conversation.record;
  const before = await vault.get<RosterRecord>(STORES.rosters, conversation.id);
  if (!newer && (before?.epoch === headEpoch || devices > KNOWN_DEVICES)) return;
  const { head } = await newest();
  if (before?.epoch === head.epoch) return;
  if (head.devices > KNOWN_DEVICES) return forget(conversation);
  const since = before === null ? null : await conversation.heads.find(null, before.epoch);
  await conversation.loadMembers();
  const leaves = await allLeaves(context, conversation, head);
  const was = before === null ? null : readLeaves(before.leaves, "R4");
  const absent = before === null ? [] : readLeaves(before.absent, "R4");
  // Newer records say who vouches for a new device, and whether a missing one was lost.
  if (was !== null) await trust.ensure(changedPeople(was, leaves), { fresh: true });
  const verdict = (person: PersonId, device: DeviceId) =>
    trust.verdict(person, device, context.time.requireNow());
  const { device } = context.identity();
  const change =
    was === null
      ? { notices: [], absent: [] }
      : await rosterNotices(was, absent, leaves, {
          by: async (person, device) => (await verdict(person, device)).by,
          // Direct conversations never remove a person: a device that is missing was lost.
          has: async (person, device) =>
            conversation.record.kind !== "direct" &&
            (await verdict(person, device)).confirmed !== "no",
          departures: showsDepartures(conversation.record, leaves, device),
          arrival: (person) => arrivalOf(conversation, since?.created ?? 0, person),
        });
  await conversation.change(async (work) => {
    judgeParties(work, context.identity().personId, leaves);
    const value: RosterRecord = {
      epoch: head.epoch,
      leaves: concat(...leaves.map(({ bytes }) => bytes)),
      absent: concat(...change.absent.map(({ bytes }) => bytes)),
    };
    work.changes.push({ op: "put", store: STORES.rosters, key: conversation.id, value });
    // A person with a leaf has registered, whatever was known before.
    const listedPeople = new Set(leaves.map(({ person }) => person)).size;
    const members = Math.max(work.record.members, listedPeople);
    const unregistered = Math.min(work.record.unregistered, members - listedPeople);
    work.set({ listedPeople, members, unregistered });
    work.members = withRegistered(work.members, leaves);
    for (const [at, what] of change.notices.entries()) {
      const messageId = noticeId("roster", head.epoch, at);
      work.put(noticeMessage(conversation.id, messageId, placeOf(work, head.epoch, at), what));
    }
    work.membersChanged = true;
  });
  function placeOf(work: UnitOfWork, epoch: number, at: number) {
    const seq = work.record.log?.cursor ?? 0;
    // Between this position and the next, in the order of epochs.
    const order = seq + 0.3 + ((epoch % 1_000) * 16 + at) / 40_000;
    return { seq, order, sentMs: head.created };
  }
}

/** The people of the devices that only one of two rosters lists. */
function changedPeople(was: readonly Leaf[], is: readonly Leaf[]): readonly PersonId[] {
  const before = new Set(was.map(({ device }) => device));
  const after = new Set(is.map(({ device }) => device));
  return [...was, ...is]
    .filter(({ device }) => before.has(device) !== after.has(device))
    .map(({ person }) => person);
}

/** The members after these leaves: everybody with one has registered. The same if all were known. */
function withRegistered(record: MembersRecord, leaves: readonly Leaf[]): MembersRecord {
  const listed = new Set(leaves.map(({ person }) => person));
  const isNews = (one: Member): boolean => !one.registered && listed.has(one.personId);
  if (!record.members.some(isNews)) return record;
  const members = record.members.map((one) => (isNews(one) ? { ...one, registered: true } : one));
  return { ...record, members };
}

/**
 * The news when a roster lists a person for the first time: somebody who was a member before has
 * registered, anybody else has joined. The server's list chooses that word alone.
 */
function arrivalOf(
  { record, members }: Conversation,
  sinceMs: number,
  person: PersonId,
): "added" | "registered" {
  if (record.kind === "direct") return "registered";
  const known = members.members.find(({ personId }) => personId === person);
  return known !== undefined && known.addedMs <= sinceMs ? "registered" : "added";
}

/** The conversation has grown: its leaves are known no more. */
function forget(conversation: Conversation): Promise<void> {
  return conversation.change((work) => {
    work.changes.push({ op: "delete", store: STORES.rosters, key: conversation.id });
    work.set({ listedPeople: 0 });
    return Promise.resolve();
  });
}

/** Every leaf under a head. Cells that did not change since the last notices are not fetched again. */
export async function allLeaves(
  { api, vault }: DeviceContext,
  { id }: Conversation,
  head: RosterHead,
): Promise<readonly Leaf[]> {
  const before = await vault.get<RosterRecord>(STORES.rosters, id);
  const known = before === null ? [] : readLeaves(before.leaves, "R4");
  if (before?.epoch === head.epoch) return known;
  const own = checkCell(head, await api.ownCell(id), "R4");
  if (own.only) return own.leaves;
  // Lines, and keys of the last seconds at most.
  const lines = checkLines(head, (await api.cellKeys(id, { since: AFTER_ALL })).lines, "R4");
  const leaves: Leaf[] = [];
  for (const { cell, root } of lines) {
    const held = known.filter((leaf) => leaf.cell === cell);
    const same = held.length > 0 && equalBytes(rootOf(held), root);
    if (same) leaves.push(...held);
    else if (cell === own.line.cell) leaves.push(...own.leaves);
    else leaves.push(...checkCell(head, await api.cell(id, cell), "R4").leaves);
  }
  refuseUnless(leaves.length === head.devices, "R4", "not all leaves of the head");
  return leaves;
}

/** The leaves of this device's own cell under the newest head. Asks the server. */
export async function ownCellLeaves(
  context: DeviceContext,
  conversation: Conversation,
): Promise<readonly Leaf[]> {
  const { head } = await requireNewest(context, conversation);
  return checkCell(head, await context.api.ownCell(conversation.id), "R4").leaves;
}
