/**
 * Rule 8. `joinGroupExternal` with `resync: true` and no former leaf loops for ever. We look the
 * leaf up first, and resync only if there is exactly one.
 */
import { CheckRefused } from "../../check-failed.ts";
import { sameClient } from "../credential.ts";
import type { CellMember, ClientIdentity } from "../types.ts";

export function findFormerLeaf(
  members: readonly CellMember[],
  own: ClientIdentity,
): CellMember | null {
  const [former, ...more] = members.filter((member) => sameClient(member, own));
  if (more.length > 0)
    throw new CheckRefused("rule_violated", "this client is in the cell twice", 2);
  return former ?? null;
}
