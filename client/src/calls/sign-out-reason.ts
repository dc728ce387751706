/** Why this device is signed out, from a failure of the server. Pure. */
import type { SignedOutReason } from "../core.ts";
import { hasCode } from "../failure.ts";

const END_REASONS: readonly SignedOutReason[] = [
  "suspended",
  "removed",
  "device_removed",
  "signed_out",
];

/** Why the server does not take this device any more; null when the failure does not say that. */
export function endOf(error: unknown): SignedOutReason | null {
  if (hasCode(error, "suspended")) return "suspended";
  if (hasCode(error, "unauthenticated")) return "unknown";
  if (!hasCode(error, "signed_out")) return null;
  const reason = error.details["reason"];
  return END_REASONS.find((known) => known === reason) ?? "unknown";
}
