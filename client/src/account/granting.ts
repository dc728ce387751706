/**
 * Grants: who may confirm and revoke devices in a part of the tree (E0). A grant is this device's
 * signature, so the person that made it may end it; withdrawing is a grant that ends when it begins.
 * Both travel inside an administrative act; one over much of the force waits for a second admin.
 */
import { fromHex, toBase64, toHex } from "../octets.ts";
import type { Identity } from "../context.ts";
import { failure } from "../failure.ts";
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { DAY_MS } from "../keys/format/times.ts";
import { GrantFormat, isUnitPath, isWithdrawal, type Grant } from "../keys/trust/grant.ts";
import { isRootAdmin } from "../keys/trust/judgement.ts";
import type { PeopleTrust } from "../trust/people-trust.ts";
import type { TimeAnchor } from "../trust/ports.ts";
import { GRANT_LIMIT_MS } from "../limits.ts";
import type { ActState } from "../wire.ts";
import type { Acts } from "./acts.ts";

export interface HeldGrant {
  readonly unitPath: string;
  readonly by: PersonId | null;
  readonly createdMs: number;
  readonly notAfterMs: number;
}

export interface GrantingOptions {
  readonly acts: Pick<Acts, "perform">;
  readonly trust: PeopleTrust;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly identity: () => Identity;
}

export class Granting {
  readonly #options: GrantingOptions;

  constructor(options: GrantingOptions) {
    this.#options = options;
  }

  /** The grants to a person that are in force, by what this device has verified. */
  async list(personId: PersonId): Promise<readonly HeldGrant[]> {
    const { trust, time } = this.#options;
    await time.anchor();
    await trust.ensure([personId], { fresh: true });
    const now = time.requireNow();
    const newest = new Map(trust.records.grantsTo(personId).map((grant) => [grant.path, grant]));
    return [...newest.values()]
      .filter((grant) => !isWithdrawal(grant) && now <= grant.notAfter)
      .filter((grant) => trust.judge.isGranted(personId, grant.path, now))
      .map((grant) => ({
        unitPath: grant.path,
        by: trust.records.personOf(idOf<DeviceId>(grant.grantor)),
        createdMs: grant.created,
        notAfterMs: grant.notAfter,
      }));
  }

  /** Give a person the right over a unit and all below it. */
  async grant(personId: PersonId, unitPath: string, days: number): Promise<ActState> {
    const lastsMs = Math.round(days * DAY_MS);
    if (!isUnitPath(unitPath) || !(lastsMs > 0 && lastsMs <= GRANT_LIMIT_MS))
      throw failure("message_invalid", { details: { reason: "unit or days" } });
    const now = await this.#begin(personId);
    if (!this.#holds(unitPath, now)) throw failure("no_grant");
    return this.#submit(personId, unitPath, now, lastsMs);
  }

  /** End what a person has over exactly this unit. */
  async withdraw(personId: PersonId, unitPath: string): Promise<void> {
    const now = await this.#begin(personId);
    const held = this.#newest(personId, unitPath);
    if (held === null || isWithdrawal(held)) return;
    await this.#submit(personId, unitPath, now, 0);
  }

  async #begin(personId: PersonId): Promise<number> {
    const { trust, time, identity } = this.#options;
    const own = identity();
    await time.anchor();
    await trust.ensure([personId, own.personId], { fresh: true });
    const now = time.requireNow();
    const { confirmed } = await trust.verdict(own.personId, own.device, now);
    if (confirmed === "no") throw failure("device_unconfirmed");
    return now;
  }

  #holds(unitPath: string, now: number): boolean {
    const { trust, identity } = this.#options;
    const { personId, deviceBytes } = identity();
    if (isRootAdmin(trust.records, deviceBytes, now)) return true;
    return trust.judge.isGranted(personId, unitPath, now);
  }

  #newest(personId: PersonId, unitPath: string): Grant | null {
    const all = this.#options.trust.records.grantsTo(personId);
    return all.findLast(({ path }) => path === unitPath) ?? null;
  }

  async #submit(personId: PersonId, path: string, now: number, lastsMs: number): Promise<ActState> {
    const { acts, trust, identity } = this.#options;
    const { deviceBytes: grantor, privateKey } = identity();
    // The newest counts: never as old as the one that it replaces.
    const created = Math.max(now, (this.#newest(personId, path)?.created ?? 0) + 1);
    const person = fromHex(personId);
    const values = { grantor, person, created, notAfter: created + lastsMs, path };
    const record = await GrantFormat.sign(values, privateKey);
    const { state } = await acts.perform({
      act: lastsMs === 0 ? "withdraw_grant" : "give_grant",
      personId,
      path,
      grant: toBase64(record.bytes),
    });
    if (state !== "done") return state;
    await trust.ensure([personId], { fresh: true });
    const known = this.#newest(personId, path);
    if (known === null || toHex(known.hash) !== toHex(record.hash))
      throw failure("network", { retry: true, details: { reason: "the grant is not served" } });
    return state;
  }
}
