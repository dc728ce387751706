/**
 * Rule 11. ts-mls asks the credential hook about members and external senders alike, so a member's
 * certificate would pass as the roster authority's. The role is in the certificate, and the group's
 * external sender must be the pinned roster authority, byte for byte.
 */
import type { Extension } from "ts-mls";
import { equalBytes } from "../../octets.ts";
import { CheckRefused } from "../../check-failed.ts";

/** `expected` are the GroupContext extensions of every cell; the order does not matter. */
export function requireExtensions(
  found: readonly Extension[],
  expected: readonly Extension[],
): void {
  for (const { extensionType, extensionData } of expected) {
    const [same, ...more] = found.filter((extension) => extension.extensionType === extensionType);
    if (same === undefined || more.length > 0 || !equalBytes(same.extensionData, extensionData))
      throw new CheckRefused(
        "rule_violated",
        `the group's ${String(extensionType)} are not the department's`,
        11,
      );
  }
  if (found.length !== expected.length)
    throw new CheckRefused("rule_violated", "the group has extensions that are not ours", 11);
}
