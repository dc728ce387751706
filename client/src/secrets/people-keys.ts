/** DeviceKeys of people to whom something is sealed outside a conversation (S3). */
import type { DeviceContext } from "../context.ts";
import type { PersonId } from "../ids.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { X25519, XWING, type Kem } from "../keys/hpke.ts";

type KeysContext = Pick<DeviceContext, "trust" | "time">;

/**
 * Fetch what the keys of people are judged by. The time is part of it: after a start without a network
 * nothing else may have asked for it. Rejects with `network` where the server cannot be reached.
 */
export async function fetchKeys(
  { trust, time }: KeysContext,
  people: readonly PersonId[],
): Promise<void> {
  await Promise.all([trust.ensure(people, { keys: true, fresh: true }), time.anchor()]);
}

/** The keys of a person's confirmed devices, after {@link fetchKeys}. */
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
 * The keys of people, in their order, under one KEM: the one under which the most of them have a key, the
 * higher where as many have one under either. Rejects with `network` where the server is needed and cannot
 * be reached.
 */
export async function keysOfPeople(
  context: KeysContext,
  people: readonly PersonId[],
): Promise<readonly (readonly DeviceKey[])[]> {
  await fetchKeys(context, people);
  const under = (kem: Kem) => Promise.all(people.map((one) => deviceKeysOf(context, one, kem)));
  const [higher, lower] = [await under(XWING), await under(X25519)];
  return reached(lower) > reached(higher) ? lower : higher;
}

function reached(keys: readonly (readonly DeviceKey[])[]): number {
  return keys.filter(({ length }) => length > 0).length;
}

/**
 * At most so many keys: one of each person in turn, the newest first, so that a person with many devices
 * displaces nobody.
 */
export function takenInTurn(
  keys: readonly (readonly DeviceKey[])[],
  most: number,
): readonly DeviceKey[] {
  const newestFirst = keys.map((own) => [...own].sort((one, other) => other.created - one.created));
  const turns = Math.max(0, ...keys.map(({ length }) => length));
  const taken: DeviceKey[] = [];
  for (let turn = 0; turn < turns && taken.length < most; turn++)
    taken.push(...newestFirst.flatMap((own) => own.slice(turn, turn + 1)));
  return taken.slice(0, most);
}
