/**
 * Rule 13. A device that a commit removed gets an internal error from ts-mls at the next step (and
 * is not told at all when an external commit took its leaf). We mark the state as evicted, and every
 * operation on it says so.
 */
import type { ClientState } from "ts-mls";
import { CheckRefused } from "../../check-failed.ts";

export function isEvicted(state: ClientState): boolean {
  return state.groupActiveState.kind === "removedFromGroup";
}

export function evict(state: ClientState): ClientState {
  return { ...state, unappliedProposals: {}, groupActiveState: { kind: "removedFromGroup" } };
}

export function requireMember(state: ClientState): void {
  if (isEvicted(state))
    throw new CheckRefused("evicted", "this device was removed from the cell", 13);
}
