/**
 * Signing that a device is a person's: after a comparison of digits (E3), and only where the
 * endorsement would count by everything that this device has verified (E0, E4).
 */
import { fromHex } from "../octets.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import type { Api } from "../transport/api.ts";
import { BY_ADMIN, EndorsementFormat, OWN_DEVICE } from "../keys/trust/endorsement.ts";
import type { PeopleTrust } from "../trust/people-trust.ts";
import type { TimeAnchor, Verdict } from "../trust/ports.ts";

export interface EndorsingOptions {
  readonly api: Pick<Api, "postEndorsement">;
  readonly trust: PeopleTrust;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly identity: () => Identity;
}

export class Endorsing {
  readonly #options: EndorsingOptions;

  constructor(options: EndorsingOptions) {
    this.#options = options;
  }

  /**
   * Refuse what could not be endorsed, before anybody compares anything. Asks the server for the
   * person's newest records.
   */
  async requirePossible(device: DeviceId, personId: PersonId): Promise<void> {
    const { trust, time, identity } = this.#options;
    const own = identity();
    await time.anchor();
    await trust.ensure([personId, own.personId], { fresh: true });
    const now = time.requireNow();
    // The server's word on whose device it is counts for nothing.
    const certificate = await trust.certificateOf(personId, device);
    const listed = (await trust.devicesOf(personId)).includes(device);
    if (certificate === null || !listed || now > certificate.notAfter) {
      throw failure("trust_invalid", { details: { reason: "not this person's device" } });
    }
    const verdict = await trust.verdict(own.personId, own.device, now);
    if (verdict.confirmed === "no") throw failure("device_unconfirmed");
    if (personId === own.personId) return;
    if (!trust.judge.mayAdminister(own.device, personId, now)) throw failure("no_grant");
    const others = await trust.devicesOf(personId);
    for (const other of others)
      if (other !== device && (await this.#standsBefore(other, device, personId, now)))
        throw failure("other_device");
  }

  /** E4: whether another device of the person is confirmed, and not by the word of this one. */
  async #standsBefore(
    other: DeviceId,
    device: DeviceId,
    personId: PersonId,
    now: number,
  ): Promise<boolean> {
    const { trust } = this.#options;
    const seen = new Set<DeviceId>();
    for (let one: DeviceId | null = other; one !== null && !seen.has(one);) {
      seen.add(one);
      if (one === device) return false;
      const verdict: Verdict = await trust.verdict(personId, one, now);
      if (one === other && verdict.confirmed === "no") return false;
      one = verdict.byDevice;
    }
    return true;
  }

  /** The signed endorsement, made now. */
  async sign(device: DeviceId, personId: PersonId): Promise<Uint8Array> {
    await this.requirePossible(device, personId);
    const { privateKey } = this.#options.identity();
    return (await EndorsementFormat.sign(this.#values(device, personId), privateKey)).bytes;
  }

  #values(device: DeviceId, personId: PersonId) {
    const own = this.#options.identity();
    return {
      endorsed: fromHex(device),
      endorser: own.deviceBytes,
      kind: personId === own.personId ? OWN_DEVICE : BY_ADMIN,
      created: this.#options.time.requireNow(),
    };
  }

  /** Idempotent by its bytes. */
  async post(endorsement: Uint8Array, personId: PersonId): Promise<void> {
    const { api, trust } = this.#options;
    await api.postEndorsement({ endorsement });
    // If the network ends here, the next question about the person brings it.
    await trust.ensure([personId], { fresh: true }).catch(() => undefined);
  }
}
