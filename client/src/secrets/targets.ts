/** S3: which keys a secret is sealed to, of the devices of some leaves. */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceId } from "../ids.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { isParty, judgeParties } from "../conversation/parties.ts";

export interface DeviceTargets {
  readonly targets: readonly DeviceKey[];
  /** D2 and C1 ask for the names of the others. */
  readonly leftOut: readonly DeviceId[];
}

/**
 * The keys of these devices, by the newest records of their people. Left out: a device that this one
 * cannot confirm, that is a third person's in a direct conversation (R10), or whose key is missing or
 * too old. Outside the queue.
 */
export async function deviceTargets(
  context: DeviceContext,
  conversation: Conversation,
  leaves: readonly Leaf[],
  { kem }: RosterHead,
): Promise<DeviceTargets> {
  const { trust, time } = context;
  const own = context.identity().personId;
  await conversation.change((work) => {
    judgeParties(work, own, leaves);
    return Promise.resolve();
  });
  await trust.ensure(
    leaves.map(({ person }) => person),
    { keys: true, fresh: true },
  );
  const now = time.requireNow();
  const targets: DeviceKey[] = [];
  const leftOut: DeviceId[] = [];
  for (const { device, person } of leaves) {
    try {
      const { confirmed } = await trust.verdict(person, device, now);
      const may = isParty(conversation.record, own, person) && confirmed !== "no";
      if (may) targets.push(await trust.deviceKey(person, device, kem));
      else leftOut.push(device);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      leftOut.push(device);
    }
  }
  return { targets, leftOut };
}
