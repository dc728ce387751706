/** Which private key opens a seal: one of this device's own keys, or one of its cell's. */
import type { DeviceContext } from "../context.ts";
import type { SealOpener } from "../keys/committed.ts";
import { KEY_ID_BYTES } from "../keys/device-key.ts";
import { idOf, type SealKeyId } from "../ids.ts";
import type { Transaction } from "./table.ts";

/** The parts of the device that keys need. */
export type KeyContext = Pick<DeviceContext, "now" | "ownKeys" | "time">;

/** The cell's keys that this device holds. */
export interface CellKeyOpeners {
  opener(work: Transaction, keyId: SealKeyId): Promise<SealOpener | null>;
}

/** The key that a seal names; null: it is for nobody here. */
export async function openerOf(
  context: KeyContext,
  cellKeys: CellKeyOpeners,
  work: Transaction,
  seal: Uint8Array,
): Promise<SealOpener | null> {
  const keyId = idOf<SealKeyId>(seal.subarray(0, KEY_ID_BYTES));
  return (await context.ownKeys.opener(keyId)) ?? (await cellKeys.opener(work, keyId));
}
