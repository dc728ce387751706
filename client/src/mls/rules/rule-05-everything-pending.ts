/**
 * Rule 5. ts-mls takes a commit that leaves out a pending Remove. Every member commit must name
 * every pending proposal, each once, and no other.
 */
import { bytesToBase64 } from "ts-mls";
import type { UnappliedProposals } from "ts-mls/unappliedProposals.js";
import { CheckRefused } from "../../check-failed.ts";

export function requireEverythingPending(
  references: readonly Uint8Array[],
  pending: UnappliedProposals,
): void {
  const named = new Set(references.map((reference) => bytesToBase64(reference)));
  if (named.size !== references.length)
    throw new CheckRefused("rule_violated", "a commit names a proposal twice", 5);
  for (const reference of Object.keys(pending)) {
    if (!named.delete(reference))
      throw new CheckRefused("rule_violated", "a commit leaves out a pending Remove", 5);
  }
  if (named.size > 0)
    throw new CheckRefused("rule_violated", "a commit names a proposal nobody saw", 5);
}
