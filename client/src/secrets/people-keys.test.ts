/** To which devices something is sealed, where people have keys under different KEMs and many devices. */
import { expect, it } from "vitest";
import type { DeviceContext } from "../context.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { X25519, XWING, type Kem } from "../keys/hpke.ts";
import { keysOfPeople, takenInTurn } from "./people-keys.ts";

type People = Readonly<Record<string, readonly Kem[]>>;

/** People by name; each has one device, with a key under these KEMs. */
function contextOf(people: People) {
  const trust = {
    department: { lowestKem: X25519 },
    ensure: () => Promise.resolve(),
    devicesOf: (person: PersonId) => Promise.resolve([`phone of ${person}` as DeviceId]),
    verdict: () => Promise.resolve({ confirmed: "admin" }),
    deviceKey: (person: PersonId, _: DeviceId, kem: Kem) =>
      people[person]?.includes(kem) === true
        ? Promise.resolve({ kem })
        : Promise.reject(new Refused("S3", "no key")),
  };
  let known = false;
  const time = {
    anchor: () => Promise.resolve(void (known = true)),
    requireNow: () => {
      if (!known) throw new Refused("T1", "the time is not known yet");
      return 0;
    },
  };
  const context = { trust, time };
  return context as unknown as Pick<DeviceContext, "trust" | "time">;
}

it.each<[string, People, Kem]>([
  ["the one that reaches more people", { a: [XWING, X25519], b: [X25519], c: [X25519] }, X25519],
  ["the higher where as many are reached", { a: [XWING], b: [X25519] }, XWING],
])("S3 seals under one KEM: %s", async (_, people, kem) => {
  const keys = await keysOfPeople(contextOf(people), Object.keys(people) as PersonId[]);
  expect(keys.map((own) => own.map((key) => key.kem))).toEqual(
    Object.values(people).map((kems) => (kems.includes(kem) ? [kem] : [])),
  );
});

it("takes the newest key of each person before a second of anybody", () => {
  const keys = (...created: number[]) => created.map((one) => ({ created: one }) as DeviceKey);
  const taken = takenInTurn([keys(1, 3, 2, 4), keys(6, 7), [], keys(5)], 4);
  expect(taken.map(({ created }) => created)).toEqual([4, 7, 5, 3]);
});
