/**
 * Revoking a lost device (E4): one's own other one, or as admin one of a person in one's units. The
 * endorsements and grants that the device made before the loss stand if the revocation lists them;
 * everything after the loss falls with it.
 */
import { fromHex, toBase64, compareBytes } from "../octets.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import type { Api } from "../transport/api.ts";
import { EndorsementFormat, type Endorsement } from "../keys/trust/endorsement.ts";
import { GrantFormat, isWithdrawal, type Grant } from "../keys/trust/grant.ts";
import { isRootAdmin } from "../keys/trust/judgement.ts";
import type { PeopleTrust } from "../trust/people-trust.ts";
import type { TimeAnchor } from "../trust/ports.ts";
import { RevocationFormat } from "../keys/trust/revocation.ts";
import { LOSS_LIMIT_MS } from "../limits.ts";
import type { Acts } from "./acts.ts";

/** A device's endorsements and grants, as the person who revokes it sees them. */
export interface Made {
  /** People whose devices it confirmed, and when. */
  readonly confirmed: readonly { readonly personId: PersonId | null; readonly createdMs: number }[];
  readonly granted: readonly {
    readonly personId: PersonId;
    readonly unitPath: string;
    readonly createdMs: number;
  }[];
}

export interface RevokingOptions {
  readonly api: Pick<Api, "madeBy" | "submitRevocation">;
  readonly acts: Pick<Acts, "perform">;
  readonly trust: PeopleTrust;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly identity: () => Identity;
}

interface RevocableRecords {
  readonly endorsements: readonly Endorsement[];
  readonly grants: readonly Grant[];
}

export class Revoking {
  readonly #options: RevokingOptions;

  constructor(options: RevokingOptions) {
    this.#options = options;
  }

  /** A device's endorsements and grants: those from before the loss will stand. */
  async made(device: DeviceId): Promise<Made> {
    const { trust } = this.#options;
    const { endorsements, grants } = await this.#madeBy(device, await this.#personOf(device));
    return {
      confirmed: endorsements.map(({ endorsed, created }) => ({
        personId: trust.records.personOf(idOf<DeviceId>(endorsed)),
        createdMs: created,
      })),
      granted: grants
        .filter((grant) => !isWithdrawal(grant))
        .map(({ person, path, created }) => ({
          ...{ personId: idOf<PersonId>(person), unitPath: path, createdMs: created },
        })),
    };
  }

  /** `lostMs`: since when it is lost; absent: from now on. Everything from then on falls. */
  async revoke(device: DeviceId, lostMs?: number): Promise<void> {
    const { acts, api, trust, time, identity } = this.#options;
    const own = identity();
    if (device === own.device) throw failure("not_found", { details: { reason: "sign out here" } });
    await time.anchor();
    const personId = await this.#personOf(device);
    await trust.ensure([personId, own.personId], { fresh: true });
    const now = time.requireNow();
    await this.#requireRight(device, personId, now);
    const lostAt = Math.min(lostMs ?? now, now);
    const root = isRootAdmin(trust.records, own.deviceBytes, now);
    if (!root && now - lostAt > LOSS_LIMIT_MS)
      throw failure("message_invalid", { details: { reason: "lost over 30 days ago" } });
    const { endorsements, grants } = await this.#madeBy(device, personId);
    const standing = [...endorsements, ...grants]
      .filter(({ created }) => created < lostAt)
      .map(({ hash }) => hash)
      .sort(compareBytes);
    const values = { device: fromHex(device), lostAt, created: now, signer: own.deviceBytes };
    const record = await RevocationFormat.sign({ ...values, standing }, own.privateKey);
    if (personId === own.personId) await api.submitRevocation({ revocation: record.bytes });
    else {
      const revocation = toBase64(record.bytes);
      await acts.perform({ act: "revoke_device", personId, device, revocation });
    }
    await trust.ensure([personId], { fresh: true }).catch(() => undefined);
  }

  /**
   * A revocation by this device of one that the roster authority alone has revoked: it counts for E4.
   * Everything that the device made is listed, so it undoes nothing.
   */
  async former(device: DeviceId, personId: PersonId, nowMs: number): Promise<Uint8Array> {
    const own = this.#options.identity();
    const { endorsements, grants } = await this.#madeBy(device, personId);
    const standing = [...endorsements, ...grants].map(({ hash }) => hash).sort(compareBytes);
    const values = { device: fromHex(device), lostAt: nowMs, created: nowMs };
    const signed = { ...values, signer: own.deviceBytes, standing };
    return (await RevocationFormat.sign(signed, own.privateKey)).bytes;
  }

  async #personOf(device: DeviceId): Promise<PersonId> {
    const { trust, identity } = this.#options;
    const known = await trust.personOf(device);
    if (known !== null) return known;
    // One's own that registered just now.
    const personId = identity().personId;
    await trust.ensure([personId], { fresh: true });
    if ((await trust.devicesOf(personId)).includes(device)) return personId;
    throw failure("not_found");
  }

  async #requireRight(device: DeviceId, personId: PersonId, now: number): Promise<void> {
    const { trust, identity } = this.#options;
    const own = identity();
    const { confirmed } = await trust.verdict(own.personId, own.device, now);
    if (confirmed === "no") throw failure("device_unconfirmed");
    if (personId === own.personId || trust.judge.mayAdminister(own.device, personId, now)) return;
    throw failure("no_grant", { details: { device } });
  }

  /** Only what the device really signed: the server may leave out, but not put in. */
  async #madeBy(device: DeviceId, personId: PersonId): Promise<RevocableRecords> {
    const { api, trust } = this.#options;
    const { endorsements, grants, people } = await api.madeBy(device);
    await trust.learn(people);
    const certificate = await trust.certificateOf(personId, device);
    if (certificate === null) return { endorsements: [], grants: [] };
    const key = certificate.publicKey;
    return {
      endorsements: await signed(endorsements, async (bytes) => {
        const record = EndorsementFormat.parse(bytes);
        await EndorsementFormat.verify(record, key);
        return record;
      }),
      grants: await signed(grants, async (bytes) => {
        const record = GrantFormat.parse(bytes);
        await GrantFormat.verify(record, key);
        return record;
      }),
    };
  }
}

async function signed<R>(
  records: readonly Uint8Array[],
  read: (bytes: Uint8Array) => Promise<R>,
): Promise<readonly R[]> {
  const found: R[] = [];
  for (const bytes of records) {
    try {
      found.push(await read(bytes));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return found;
}
