/** The checks of a request before a device endorses it (D3). */
import { expect, it } from "vitest";
import { Endorsing, type EndorsingOptions } from "#core/account/endorsing.ts";
import { idOf, type DeviceId, type PersonId } from "#core/ids.ts";
import { ALL, hex } from "../keys/vectors.ts";

const [[, v]] = ALL as unknown as readonly [(typeof ALL)[number]];
const device = idOf<DeviceId>(new Uint8Array(32).fill(1));
const own = { device: idOf<DeviceId>(new Uint8Array(32).fill(2)) };
const personId = idOf<PersonId>(new Uint8Array(16).fill(3));

/** A device of the same person, whose other device has this public key in its certificate. */
function endorsing(publicKey: Uint8Array): Endorsing {
  return new Endorsing({
    time: { anchor: () => Promise.resolve(), requireNow: () => 1 },
    identity: () => ({ ...own, personId }),
    trust: {
      ensure: () => Promise.resolve(),
      certificateOf: () => Promise.resolve({ publicKey, notAfter: 2 }),
      devicesOf: () => Promise.resolve([device, own.device]),
      verdict: () => Promise.resolve({ confirmed: "admin" }),
    },
  } as unknown as EndorsingOptions);
}

it("D3 refuses a device whose key signs what some verifiers refuse", async () => {
  const mixed = v.negatives.find(({ name }) => name === "signing key: of mixed order");
  const refused = endorsing(hex(mixed?.data)).requirePossible(device, personId);
  await expect(refused).rejects.toMatchObject({ code: "trust_invalid" });
  await endorsing(hex(v.issuing_key)).requirePossible(device, personId);
});
