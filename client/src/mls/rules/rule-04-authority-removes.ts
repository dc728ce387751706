/**
 * Rule 4. ts-mls takes any proposal from an external sender, also GroupContextExtensions and
 * ReInit. Stand-alone proposals come from the roster authority only, and are Remove only.
 */
import type { Proposal } from "ts-mls";
import type { FramedContent } from "ts-mls/framedContent.js";
import { CheckRefused } from "../../check-failed.ts";

/** The leaf index that the proposal removes. */
export function requireAuthorityRemove(content: FramedContent): number {
  if (content.contentType !== "proposal") throw new CheckRefused("malformed", "not a proposal");
  const { sender } = content;
  if (sender.senderType !== "external" || sender.senderIndex !== 0)
    throw new CheckRefused("rule_violated", "proposals come from the roster authority only", 4);
  if (content.proposal.proposalType !== "remove")
    throw new CheckRefused("rule_violated", "the roster authority proposes Remove only", 4);
  return content.proposal.remove.removed;
}

/** What a member may put into a commit itself: Adds. Removes come from the roster authority. */
export function requireInlineAdd(
  proposal: Proposal,
): asserts proposal is Extract<Proposal, { proposalType: "add" }> {
  if (proposal.proposalType !== "add")
    throw new CheckRefused("rule_violated", "a member's commit adds, and nothing else", 4);
}
