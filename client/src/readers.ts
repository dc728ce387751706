/** Who would read a message that is sent now, held against who is meant to. Pure. */
import type { Conversation } from "./conversation.ts";
import type { CellGroup } from "./mls/types.ts";

/**
 * - `ok`: everybody in the cell is named by the signed roster, and is who the screen says.
 * - `alone`: of the other person of a direct conversation no device is in yet, though one has its
 *   place: what is sent now nobody could read, so sending waits until it has come in.
 * - `unnamed`: somebody lost their place and the Remove has not come yet: sending waits.
 * - `stranger`: a direct conversation holds a third person. The server says whose conversation
 *   it is, and could say so of any; who is in the tree it cannot say.
 */
export type Readers = "ok" | "alone" | "unnamed" | "stranger";

export function readersOf(
  { group, roster, record }: Pick<Conversation, "group" | "roster" | "record">,
  personId: string,
): Readers {
  if (group === null || roster === null) return "unnamed";
  const members = group.members();
  if (record.kind === "direct") {
    const meant = [personId, record.directPersonId];
    if (members.some((member) => !meant.includes(member.personId))) return "stranger";
  }
  const other = record.kind === "direct" ? record.directPersonId : null;
  const named = members.every(({ certificateHash }) => roster.names(group.cellId, certificateHash));
  if (!named) return "unnamed";
  const has = (all: readonly { readonly personId: string }[]): boolean =>
    all.some(({ personId }) => personId === other);
  return other !== null && !has(members) && has(roster.leaves()) ? "alone" : "ok";
}

/** Whether everybody in the cell is named by the signed roster, or about to be removed. */
export function everybodyNamed(
  { roster }: Pick<Conversation, "roster">,
  group: CellGroup,
): boolean {
  const leaving = new Set(group.pendingRemovals.map(({ leafIndex }) => leafIndex));
  return group
    .members()
    .filter(({ leafIndex }) => !leaving.has(leafIndex))
    .every(({ certificateHash }) => roster?.names(group.cellId, certificateHash) === true);
}
