/** DeviceKeys of people to whom something is sealed outside a conversation (S3). */
import type { DeviceContext } from "../context.ts";
import type { PersonId } from "../ids.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { X25519, XWING, type Kem } from "../keys/hpke.ts";

type KeysContext = Pick<DeviceContext, "trust" | "time">;

/** The keys of a person's confirmed devices; the person's records are here already. */
export async function deviceKeysOf(
  { trust, time }: KeysContext,
  personId: PersonId,
  kem: Kem,
): Promise<readonly DeviceKey[]> {
  if (kem < trust.department.lowestKem) return [];
  const keys: DeviceKey[] = [];
  for (const device of await trust.devicesOf(personId)) {
    const { confirmed } = await trust.verdict(personId, device, time.requireNow());
    if (confirmed === "no") continue;
    try {
      keys.push(await trust.deviceKey(personId, device, kem));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return keys;
}

/**
 * The keys of people, in their order, under one KEM: the highest that any of them has. Rejects with
 * `network` where the server is needed and cannot be reached.
 */
export async function keysOfPeople(
  context: KeysContext,
  people: readonly PersonId[],
): Promise<readonly (readonly DeviceKey[])[]> {
  await context.trust.ensure(people, { keys: true, fresh: true });
  const under = (kem: Kem) => Promise.all(people.map((one) => deviceKeysOf(context, one, kem)));
  const newest = await under(XWING);
  return newest.some(({ length }) => length > 0) ? newest : under(X25519);
}
