/**
 * Who may change a conversation's name and photo, as of the entry that is being processed: the
 * server's list at some time, then every roster entry in the log's order.
 */
import type { DeviceContext } from "./context.ts";
import type { Work } from "./conversation.ts";
import { hasCode } from "./failure.ts";
import type { RosterChange } from "./wire.ts";

/** A roster entry made admins, or took the right away. Safe to do again, in order. */
export function followAdmins(work: Work, change: RosterChange): void {
  const { admins } = work.record;
  if (admins === undefined) return;
  const unnamed =
    change.peopleAdded > change.addedPeople.length ||
    change.peopleRemoved > change.removedPeople.length;
  // Of a change to very many people the entry says only how many: the server is asked when it matters.
  if (unnamed) return work.set({ admins: undefined });
  const next = new Set([...admins, ...change.madeAdmin]);
  for (const personId of [...change.removedPeople, ...change.revokedAdmin]) next.delete(personId);
  work.set({ admins: [...next] });
}

/** Whether a person may change the profile here and now. Throws `network`: then nothing is decided. */
export async function mayChangeProfile(
  context: DeviceContext,
  work: Work,
  personId: string,
): Promise<boolean> {
  if (work.record.admins === undefined) {
    try {
      const { admins } = await context.api.conversation(work.record.conversationId);
      work.set({ admins: admins ?? [] });
    } catch (error) {
      if (!hasCode(error, "not_member", "not_found")) throw error;
    }
  }
  return work.record.admins?.includes(personId) === true;
}
