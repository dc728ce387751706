/** What a roster entry says to people: notices in the timeline. Pure. */
import { notice, noticeMessage } from "./messages.ts";
import type { Work } from "./conversation.ts";
import type { MessageRecord, NoticeRecord } from "./records.ts";
import type { LogEntry, RosterChange, RosterLeaf } from "./wire.ts";

function peopleOf(leaves: readonly RosterLeaf[]): readonly string[] {
  return [...new Set(leaves.map(({ personId }) => personId))];
}

function noticesOf(change: RosterChange): readonly NoticeRecord[] {
  const { by, addedPeople, removedPeople, madeAdmin, revokedAdmin } = change;
  switch (change.reason) {
    case "created":
      return [notice("created", by)];
    case "left":
      return [notice("left", by, removedPeople)];
    case "device_added":
      // With several cells the entry does not name the device; it is its person who added it.
      return devices("device_added", change.added, by);
    case "renewed":
    case "refounded":
      return [];
    case "device_removed":
      return devices("device_removed", change.removed, by);
    case "members":
    case "department": {
      const lists: readonly (readonly [NoticeRecord["kind"], readonly string[]])[] = [
        ["added", addedPeople],
        ["removed", removedPeople],
        ["made_admin", madeAdmin],
        ["revoked_admin", revokedAdmin],
      ];
      const named = lists
        .filter(([, people]) => people.length > 0)
        .map(([kind, people]) => notice(kind, by, people));
      return [...named, ...counted(change)];
    }
    default:
      // A reason of a newer server: the change counts, there are no words for it.
      return [];
  }
}

function devices(
  kind: "device_added" | "device_removed",
  leaves: readonly RosterLeaf[],
  by: string | null,
): readonly NoticeRecord[] {
  const people = peopleOf(leaves);
  if (people.length > 0) return [notice(kind, by, people)];
  return by === null ? [] : [notice(kind, by, [by])];
}

/** People who are too many to be named. Entries of before there were several cells have none. */
function counted(change: RosterChange): readonly NoticeRecord[] {
  const { peopleAdded = 0, peopleRemoved = 0 } = change as Partial<RosterChange>;
  const added = change.addedPeople.length === 0 ? peopleAdded : 0;
  const removed = change.removedPeople.length === 0 ? peopleRemoved : 0;
  const both = [["added", added], ["removed", removed]] as const;
  return both
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => ({ ...notice(kind, change.by), count }));
}

/**
 * Notices for one roster entry. Of what happened before this device came in, only how the person
 * themselves came in is told.
 */
export function rosterNotices(
  work: Pick<Work, "record" | "group">,
  entry: LogEntry,
  change: RosterChange,
  personId: string,
): readonly MessageRecord[] {
  const { record, group } = work;
  if (record.kind === "direct" && change.reason === "created") return [];
  const concernsMe = change.addedPeople.includes(personId) || change.reason === "created";
  const before = entry.seq <= record.joinedSeq || (group === null && !record.everJoined);
  if (before && !concernsMe) return [];
  return noticesOf(change).map((what, i) =>
    noticeMessage(
      entry.conversationId,
      i === 0 ? entry.entryId : `${entry.entryId}.${i}`,
      { seq: entry.seq, order: entry.seq + i / 16, sentMs: entry.sentMs },
      what,
    ),
  );
}
