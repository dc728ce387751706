/** S3: the keys of the confirmed devices of some leaves, which a secret is sealed to. */
import type { DeviceContext } from "../context.ts";
import type { SealTarget } from "../keys/device-key.ts";
import type { DeviceId } from "../keys/ids.ts";
import { Refused } from "../keys/refused.ts";
import type { RosterHead } from "../rosters/head.ts";
import type { Leaf } from "../rosters/leaf.ts";

export interface Targets {
  readonly seals: readonly SealTarget[];
  /** Devices that cannot be confirmed, or have no good key. */
  readonly leftOut: readonly DeviceId[];
}

/** The keys of the confirmed devices of these leaves. */
export async function deviceTargets(
  context: DeviceContext,
  leaves: readonly Leaf[],
  { kem }: RosterHead,
): Promise<Targets> {
  const { trust, time } = context;
  await trust.ensure(
    leaves.map(({ person }) => person),
    { keys: true, fresh: true },
  );
  const now = time.requireNow();
  const seals: SealTarget[] = [];
  const leftOut: DeviceId[] = [];
  for (const { person, device } of leaves) {
    try {
      await trust.confirmedCertificate(person, device, now, "S3");
      seals.push(await trust.deviceKey(person, device, kem));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      leftOut.push(device);
    }
  }
  return { seals, leftOut };
}
