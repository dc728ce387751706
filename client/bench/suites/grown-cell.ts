/** A cell that grew by external joins, as `grow.ts` makes it under Node and `worker.ts` reads it. */
import type { DeviceIdentity, KeyPackageBundle } from "../../src/mls/types.ts";
import { suiteOf } from "../../src/mls/suites.ts";
import type { Trust } from "../../src/wire.ts";

export interface GrownCell {
  readonly suite: number;
  /** Devices, with the one that is about to join. */
  readonly size: number;
  /** The clock of everything in it. */
  readonly nowMs: number;
  readonly trust: Trust;
  /** Signs Removes. */
  readonly rosterKey: Uint8Array;
  readonly conversationId: string;
  readonly cellId: string;
  /** Hashes of the certificates that the roster names. */
  readonly named: readonly string[];
  readonly founder: DeviceIdentity;
  /** Of everybody but the founder, `size - 1` of them; the last is a member's own. */
  readonly keyPackages: readonly Uint8Array[];
  readonly welcomed: { readonly device: DeviceIdentity; readonly bundle: KeyPackageBundle };
  /** In the cell before the last one joins: group info, and the member that joined before it. */
  readonly groupInfo: Uint8Array;
  readonly member: { readonly device: DeviceIdentity; readonly state: Uint8Array };
  readonly joiner: DeviceIdentity;
  /** Takes the place of one that is removed. */
  readonly newcomer: Uint8Array;
}

/** Let cells of a suite be as large as they are measured; the app's own limit is lower. */
export function allow(suite: number, size: number): void {
  Object.assign(suiteOf(suite), { cellSize: size });
}
