/**
 * S3's seal plan: to which device keys and cell keys a new S is sealed, and which devices are left
 * to key shares. Pure; the caller has checked each device (E0, checkDeviceKey) and each cell key
 * (requireUsableCellKey).
 *
 * Invariants: every confirmed device is covered once, or named as left out (D2 asks for the names).
 * A cell without a usable key affects itself alone: its devices are sealed to directly while a
 * record has at most 1,024 direct seals.
 */
import type { CellKey } from "./cell-key.ts";
import { KEY_ID_BYTES, type DeviceKey } from "./device-key.ts";
import { ENC_BYTES, SECRET_BYTES, TAG_BYTES, type Kem } from "./hpke.ts";
import { idOf, type CellId, type DeviceId } from "../ids.ts";
import { DIRECT_SEALS, MAX_SEALS_BYTES } from "../limits.ts";

/** A device that the newest head lists. */
export interface ListedDevice {
  readonly device: DeviceId;
  readonly cell: CellId;
  /** Its checked DeviceKey; or why nothing is sealed to it. */
  readonly key: DeviceKey | "unconfirmed" | "third person" | "no device key";
  /** Its cell's key does not cover it: it came into the cell after that key was made. */
  readonly uncovered: boolean;
}

/** "limit": over 1,024 direct seals. "third person": in a direct conversation (R10). */
export type LeftOutReason = "unconfirmed" | "third person" | "no device key" | "limit";

export interface SealPlan {
  readonly devices: readonly DeviceKey[];
  readonly cells: readonly CellKey[];
  readonly leftOut: ReadonlyMap<DeviceId, LeftOutReason>;
}

/**
 * `listed`: the devices to seal to one by one. In a conversation of one cell that is all of them; in
 * one of several, those that no usable cell key covers are enough. `cellKeys`: the usable ones;
 * empty where there is one cell.
 */
export function planSeals(
  listed: readonly ListedDevice[],
  cellKeys: ReadonlyMap<CellId, CellKey>,
): SealPlan {
  const devices: DeviceKey[] = [];
  const leftOut = new Map<DeviceId, LeftOutReason>();
  const seen = new Set<DeviceId>();
  // Devices beside a good cell key come first: they are few, and their cell does its part.
  const beside = (one: ListedDevice): number => (cellKeys.has(one.cell) ? 0 : 1);
  for (const one of [...listed].sort((a, b) => beside(a) - beside(b))) {
    if (seen.has(one.device)) continue;
    seen.add(one.device);
    if (one.key === "unconfirmed" || one.key === "third person") leftOut.set(one.device, one.key);
    else if (cellKeys.has(one.cell) && !one.uncovered) continue;
    else if (one.key === "no device key") leftOut.set(one.device, one.key);
    else if (devices.length >= DIRECT_SEALS) leftOut.set(one.device, "limit");
    else devices.push(one.key);
  }
  return { devices, cells: [...cellKeys.values()], leftOut };
}

/**
 * S9: as many cells as one request has room for, the author's own first. Members seal to the others
 * later, so that a conversation may have any number of cells.
 */
export function withinOneRequest(
  { devices, cells, leftOut }: SealPlan,
  own: CellId,
  kem: Kem,
): SealPlan {
  const size = KEY_ID_BYTES + ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES;
  const room = Math.max(0, Math.floor(MAX_SEALS_BYTES / size) - devices.length);
  const isOwn = ({ cell }: CellKey): boolean => idOf<CellId>(cell) === own;
  const others = cells.filter((one) => !isOwn(one));
  return { devices, cells: [...cells.filter(isOwn), ...others].slice(0, room), leftOut };
}
