/**
 * The whole roster of a conversation of one cell, as this device saw it last: for notices of what
 * changed and for the members' devices. In larger conversations nobody is told one by one.
 *
 * The vault holds the leaves under the epoch that notices told of; a newer epoch is fetched, checked
 * under its head, compared, and stored with the notices in one transaction.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import { concat } from "../octets.ts";
import { noticeId, noticeMessage } from "../messages/messages.ts";
import { STORES } from "../records.ts";
import type { MembersRecord, RosterRecord } from "../records.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import type { Member } from "../wire.ts";
import { checkCell, readLeaves } from "./cells.ts";
import type { Newest } from "./newest.ts";
import { rosterNotices } from "./notices.ts";
import { judgeParties } from "./parties.ts";

/** The leaves as notices told of them last; null: never. */
export async function knownRoster(
  { vault }: DeviceContext,
  { id }: Conversation,
): Promise<readonly Leaf[] | null> {
  const record = await vault.get<RosterRecord>(STORES.rosters, id);
  return record === null ? null : readLeaves(record.leaves, "R4");
}

/**
 * Fetch the newest roster and tell what is another. Outside the queue; the head is the one whose
 * stamp was checked. `newer`: the server says that there is a newer one. Conversations of several
 * cells keep no roster.
 */
export async function followRoster(
  context: DeviceContext,
  conversation: Conversation,
  newest: () => Promise<Newest>,
  newer: boolean,
): Promise<void> {
  const { api, vault, trust } = context;
  if (conversation.record.cells > 1) return;
  const before = await vault.get<RosterRecord>(STORES.rosters, conversation.id);
  if (!newer && before?.epoch === conversation.record.headEpoch) {
    await noteAwaited(conversation, before);
    return;
  }
  const { head } = await newest();
  if (before?.epoch === head.epoch) return;
  const answer = await api.ownCell(conversation.id);
  const { leaves, only } = checkCell(head, answer, "R4");
  if (!only) return;
  const was = before === null ? null : readLeaves(before.leaves, "R4");
  const absent = before === null ? [] : readLeaves(before.absent, "R4");
  // Newer records say who vouches for a new device, and whether a missing one was lost.
  const people = [...leaves, ...(was ?? [])].map(({ person }) => person);
  await trust.ensure(people, { fresh: was !== null });
  const verdict = (person: PersonId, device: DeviceId) =>
    trust.verdict(person, device, context.time.requireNow());
  const change =
    was === null
      ? { notices: [], absent: [] }
      : await rosterNotices(was, absent, leaves, {
          by: async (person, device) => (await verdict(person, device)).by,
          // Direct conversations never remove a person: a device that is missing was lost.
          has: async (person, device) =>
            conversation.record.kind !== "direct" &&
            (await verdict(person, device)).confirmed !== "no",
          arrival: (person) => arrivalOf(conversation, before, person),
        });
  await conversation.change(async (work) => {
    judgeParties(work, context.identity().personId, leaves);
    const value: RosterRecord = {
      epoch: head.epoch,
      leaves: concat(...leaves.map(({ bytes }) => bytes)),
      absent: concat(...change.absent.map(({ bytes }) => bytes)),
      awaited: awaitedOf(work.members, before?.awaited ?? [], leaves, head.created),
      people: work.record.members,
    };
    work.changes.push({ op: "put", store: STORES.rosters, key: conversation.id, value });
    // A person with a leaf has registered, whatever was known before.
    const { members, unregistered } = work.record;
    const without = Math.max(0, members - new Set(leaves.map(({ person }) => person)).size);
    work.set({ unregistered: Math.min(unregistered, without) });
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

/** The members after these leaves: everybody with one has registered. The same if all were known. */
function withRegistered(record: MembersRecord, leaves: readonly Leaf[]): MembersRecord {
  const listed = new Set(leaves.map(({ person }) => person));
  const isNews = (one: Member): boolean => !one.registered && listed.has(one.personId);
  if (!record.members.some(isNews)) return record;
  const members = record.members.map((one) => (isNews(one) ? { ...one, registered: true } : one));
  return { ...record, members };
}

/**
 * The news when a roster lists a person for the first time. Members who had been awaited have
 * registered, which is no news of the conversation; the two people of a direct one belong to it by
 * its id. If this device knows no list of members, a group that has not grown has no new one, and
 * people of an audience come and go untold.
 */
function arrivalOf(
  { record, members }: Conversation,
  before: RosterRecord | null,
  person: PersonId,
): "added" | "registered" | null {
  if (record.kind === "direct") return "registered";
  if (before?.awaited?.includes(person) === true) return null;
  if (members.members.length > 0) return "added";
  return record.audience === null && record.members > (before?.people ?? 0) ? "added" : null;
}

/**
 * The members without a leaf, for the next comparison. Only those who belonged before the roster of
 * these leaves, or have no device that a newer one could list, and those awaited already: a member
 * whom a newer roster adds is in the list of members before that roster is here.
 */
function awaitedOf(
  { members }: MembersRecord,
  known: readonly PersonId[],
  leaves: readonly Leaf[],
  created: number,
): readonly PersonId[] {
  const listed = new Set(leaves.map(({ person }) => person));
  return members
    .filter(({ personId }) => !listed.has(personId))
    .filter(
      ({ personId, registered, addedMs }) =>
        !registered || addedMs <= created || known.includes(personId),
    )
    .map(({ personId }) => personId);
}

/** Members who have not registered may be added without a new roster. */
async function noteAwaited(conversation: Conversation, before: RosterRecord): Promise<void> {
  const known = before.awaited ?? [];
  const isNews = ({ personId, registered }: Member): boolean =>
    !registered && !known.includes(personId);
  const { members: people } = conversation.record;
  if (people === before.people && !conversation.members.members.some(isNews)) return;
  await conversation.change((work) => {
    const leaves = readLeaves(before.leaves, "R4");
    const value = { ...before, people, awaited: awaitedOf(work.members, known, leaves, 0) };
    work.changes.push({ op: "put", store: STORES.rosters, key: conversation.id, value });
    return Promise.resolve();
  });
}
