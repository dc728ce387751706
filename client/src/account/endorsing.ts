/**
 * Signing that a device is a person's: after a comparison of digits (E3), and only where the
 * endorsement would count by everything that this device has verified (E0, E4).
 */
import { fromHex } from "../octets.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import type { Api } from "../transport/api.ts";
import { requireSigningKey } from "../keys/format/signature.ts";
import { BY_ADMIN, EndorsementFormat, OWN_DEVICE } from "../keys/trust/endorsement.ts";
import type { SubmitEndorsement } from "../wire.ts";
import type { PeopleTrust } from "../trust/people-trust.ts";
import type { TimeAnchor, Verdict } from "../trust/ports.ts";

export interface EndorsingOptions {
  readonly api: Pick<Api, "endorse">;
  readonly trust: PeopleTrust;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly identity: () => Identity;
  /** The revocation, made now, of a former device that the roster authority revoked. */
  readonly revokeFormer: (
    device: DeviceId,
    personId: PersonId,
    nowMs: number,
  ) => Promise<Uint8Array>;
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
    try {
      requireSigningKey(certificate.publicKey, "D3");
    } catch (cause) {
      throw failure("trust_invalid", { details: { reason: "not a signing key" }, cause });
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

  /** The signed endorsement, made now, and the revocations without which it does not count (E4). */
  async sign(device: DeviceId, personId: PersonId): Promise<SubmitEndorsement> {
    await this.requirePossible(device, personId);
    const { identity, time, trust, revokeFormer } = this.#options;
    const own = identity();
    const created = time.requireNow();
    const admin = personId !== own.personId;
    const revocations: Uint8Array[] = [];
    for (const former of admin ? await trust.devicesOf(personId) : [])
      if (trust.judge.lostFrom(former) !== null && !trust.judge.isRemoved(former, created))
        revocations.push(await revokeFormer(former, personId, created));
    const values = { endorsed: fromHex(device), endorser: own.deviceBytes, created };
    const kind = admin ? BY_ADMIN : OWN_DEVICE;
    const { bytes } = await EndorsementFormat.sign({ ...values, kind }, own.privateKey);
    return { endorsement: bytes, revocations };
  }

  /** Idempotent by its bytes. */
  async submit(endorsement: SubmitEndorsement, personId: PersonId): Promise<void> {
    const { api, trust } = this.#options;
    await api.endorse(endorsement);
    // If the network ends here, the next question about the person brings it.
    await trust.ensure([personId], { fresh: true }).catch(() => undefined);
  }
}
