/** S3: which keys a secret is sealed to, of the devices of some leaves. */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import type { ListedDevice } from "../keys/seal-plan.ts";
import type { RosterHead } from "../keys/roster/head.ts";
import type { Leaf } from "../keys/roster/leaf.ts";
import { isParty, judgeParties } from "../roster/parties.ts";

/**
 * These devices with their keys, by the newest records of their people; nothing is sealed to one
 * that this device cannot confirm, that is a third person's in a direct conversation (R10), or whose
 * key is missing or too old. Outside the queue.
 */
export async function listedDevices(
  context: DeviceContext,
  conversation: Conversation,
  leaves: readonly Leaf[],
  { kem }: RosterHead,
): Promise<readonly ListedDevice[]> {
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
  const keyOf = async ({ person, device }: Leaf): Promise<DeviceKey | "no device key"> => {
    try {
      return await trust.deviceKey(person, device, kem);
    } catch (error) {
      if (error instanceof Refused) return "no device key";
      throw error;
    }
  };
  const listed: ListedDevice[] = [];
  for (const leaf of leaves) {
    const { device, cell, person } = leaf;
    const { confirmed } = await trust.verdict(person, device, now);
    const third = !isParty(conversation.record, own, person);
    const key = third ? "third person" : confirmed === "no" ? "unconfirmed" : await keyOf(leaf);
    listed.push({ device, cell, key, uncovered: false });
  }
  return listed;
}
