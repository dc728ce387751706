/** What this device has found out about a person's certificates. Pure. */
import type { MemberItem } from "@copconnect/client/core";

export interface CheckedDevices {
  readonly valid: number;
  readonly expired: number;
  /** When the first of the valid certificates runs out. */
  readonly untilMs: number;
}

/** Null when none of their devices has entered the conversation yet: there was nothing to check. */
export function checkedDevices(
  members: readonly MemberItem[],
  personId: string,
  nowMs: number,
): CheckedDevices | null {
  const devices = members.find(({ plate }) => plate.personId === personId)?.clients ?? [];
  if (devices.length === 0) return null;
  const valid = devices.map(({ expiresMs }) => expiresMs).filter((endMs) => endMs > nowMs);
  return {
    valid: valid.length,
    expired: devices.length - valid.length,
    untilMs: Math.min(...valid),
  };
}
