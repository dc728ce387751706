/**
 * Rule 12. An external commit cannot name pending proposals, so it would void a pending Remove:
 * while one is pending nobody joins that way.
 */
import type { UnappliedProposals } from "ts-mls/unappliedProposals.js";
import { CheckRefused } from "../../check-failed.ts";

export function requireNotFrozen(pending: UnappliedProposals): void {
  if (Object.keys(pending).length > 0)
    throw new CheckRefused("rule_violated", "a join would void a pending Remove", 12);
}
