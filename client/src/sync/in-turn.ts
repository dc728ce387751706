/** Events that the server tells everybody at once: devices follow them one after another. */
import { SPREAD_MS } from "./member-list.ts";
import { pause } from "../transport/backoff.ts";
import type { AccountFrame } from "../wire.ts";

const TOLD_TO_ALL: ReadonlySet<AccountFrame["event"]> = new Set(["conduct", "guard"]);

/** Wait for this device's turn. False: the device has stopped meanwhile. */
export async function inTurn(
  event: AccountFrame["event"],
  random: () => number,
  signal: AbortSignal,
): Promise<boolean> {
  if (TOLD_TO_ALL.has(event)) await pause(SPREAD_MS * random(), signal);
  return !signal.aborted;
}
