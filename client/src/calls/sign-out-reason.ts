/** Why this device is signed out, from a failure of the server. Pure. */
import type { SignedOutReason } from "../seam.ts";
import { CoreFailure, hasCode } from "../failure.ts";
import type { PersonId } from "../ids.ts";

const END_REASONS: readonly SignedOutReason[] = [
  "suspended",
  "removed",
  "device_removed",
  "signed_out",
  "locked",
];

/** Why the server turned this device away. `lock`: with "locked", what it said of that. */
export interface AwayRecord {
  readonly reason: SignedOutReason;
  readonly lock: {
    readonly by: PersonId;
    readonly sinceMs: number;
    readonly admins: readonly { readonly personId: PersonId; readonly number: string }[];
  } | null;
}

/** Why the server does not take this device any more; null when the failure does not say that. */
export function endOf(error: unknown): SignedOutReason | null {
  if (hasCode(error, "suspended")) return "suspended";
  if (hasCode(error, "unauthenticated")) return "unknown";
  if (!hasCode(error, "signed_out")) return null;
  const reason = error.details["reason"];
  return END_REASONS.find((known) => known === reason) ?? "unknown";
}

/** The lock on this device: by whom, since when, and who may unlock it (errors.SignedOut). */
export function lockOf(error: unknown): AwayRecord["lock"] {
  if (endOf(error) !== "locked" || !(error instanceof CoreFailure)) return null;
  const { locked_by: by, locked_ms: sinceMs, admins } = error.details;
  if (typeof by !== "string" || typeof sinceMs !== "number" || typeof admins !== "string")
    return null;
  return {
    ...{ by: by as PersonId, sinceMs },
    admins: admins
      .split(",")
      .filter((one) => one !== "")
      .map((one) => {
        const [personId, number = ""] = one.split(" ");
        return { personId: personId as PersonId, number };
      }),
  };
}
