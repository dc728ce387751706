/**
 * Rule 3. ts-mls takes a roster Remove replayed from another cell, and a proposal of a later epoch.
 * Every message must be for this group and this epoch.
 */
import type { GroupContext } from "ts-mls";
import { equalBytes } from "../../octets.ts";
import { CheckRefused } from "../../check-failed.ts";

export function requireGroupAndEpoch(
  message: { readonly groupId: Uint8Array; readonly epoch: bigint },
  group: GroupContext,
): void {
  if (!equalBytes(message.groupId, group.groupId))
    throw new CheckRefused("rule_violated", "message of another group", 3);
  if (message.epoch < group.epoch)
    throw new CheckRefused("stale_epoch", "message of an earlier epoch", 3);
  if (message.epoch > group.epoch)
    throw new CheckRefused("future_epoch", "message of a later epoch", 3);
}
