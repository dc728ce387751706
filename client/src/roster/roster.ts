/**
 * The whole roster of a conversation of one cell, as this device saw it last: for notices of what
 * changed and for the members' devices. In larger conversations nobody is told one by one.
 *
 * The vault holds the leaves under the epoch that notices told of; a newer epoch is fetched, checked
 * under its head, compared, and stored with the notices in one transaction.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { Work } from "../conversation/work.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceId, PersonId } from "../keys/ids.ts";
import { concat } from "../octets.ts";
import { noticeMessage } from "../messages/messages.ts";
import { STORES } from "../records.ts";
import type { MembersRecord, RosterRecord } from "../records.ts";
import type { Leaf } from "../rosters/leaf.ts";
import type { Member } from "../wire.ts";
import { checkCell, readLeaves } from "./cells.ts";
import type { Newest } from "./newest.ts";
import { rosterNotices } from "./notices.ts";

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
  if (!newer && before?.epoch === conversation.record.headEpoch) return;
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
        });
  await conversation.change(async (work) => {
    const value: RosterRecord = {
      epoch: head.epoch,
      leaves: concat(...leaves.map(({ bytes }) => bytes)),
      absent: concat(...change.absent.map(({ bytes }) => bytes)),
    };
    work.changes.push({ op: "put", store: STORES.rosters, key: conversation.id, value });
    // A person with a leaf has registered, whatever was known before.
    const { members, unregistered } = work.record;
    const without = Math.max(0, members - new Set(leaves.map(({ person }) => person)).size);
    work.set({ unregistered: Math.min(unregistered, without) });
    work.members = withRegistered(work.members, leaves);
    for (const [at, what] of change.notices.entries()) {
      const messageId = `roster.${String(head.epoch)}.${String(at)}`;
      work.put(noticeMessage(conversation.id, messageId, placeOf(work, head.epoch, at), what));
    }
    work.membersChanged = true;
  });
  function placeOf(work: Work, epoch: number, at: number) {
    const seq = work.record.log?.cursor ?? 0;
    // Between this position and the next, in the order of epochs.
    const order = seq + 0.3 + ((epoch % 1_000) * 16 + at) / 40_000;
    return { seq, order, sentMs: head.created };
  }
}

/** The members after these leaves: everybody with one has registered. The same if all were known. */
function withRegistered(record: MembersRecord, leaves: readonly Leaf[]): MembersRecord {
  const listed = new Set<string>(leaves.map(({ person }) => person));
  const isNews = (one: Member): boolean => !one.registered && listed.has(one.personId);
  if (!record.members.some(isNews)) return record;
  const members = record.members.map((one) => (isNews(one) ? { ...one, registered: true } : one));
  return { ...record, members };
}
