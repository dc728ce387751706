/** Who would read a message that is sent now, held against who is meant to. Pure. */
import type { Conversation } from "./conversation.ts";
import type { CellGroup } from "./mls/types.ts";

/**
 * - `ok`: everybody in the cell is named by the signed roster, and is who the screen says.
 * - `unnamed`: somebody lost their place and the Remove has not come yet: sending waits.
 * - `stranger`: a direct conversation holds a third person. The server says whose conversation
 *   it is, and could say so of any; who is in the tree it cannot say.
 */
export type Readers = "ok" | "unnamed" | "stranger";

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
  const named = members.every(({ certificateHash }) => roster.names(group.cellId, certificateHash));
  return named ? "ok" : "unnamed";
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
