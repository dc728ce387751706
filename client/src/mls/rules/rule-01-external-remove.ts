/**
 * Rule 1. ts-mls lets an external commit remove any member. We let it remove only a leaf of the
 * same client: resync, nothing else.
 */
import { CheckRefused } from "../../check-failed.ts";
import { sameClient } from "../credential.ts";
import type { CellMember, ClientIdentity } from "../types.ts";

export function requireOwnLeafRemoved(joiner: ClientIdentity, removed: CellMember): void {
  if (!sameClient(joiner, removed))
    throw new CheckRefused("rule_violated", "an external commit removes another member", 1);
}
