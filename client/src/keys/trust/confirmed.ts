/**
 * Which devices are confirmed, how and by whom (E0, E4), and what a revocation asks of the device
 * itself (E6). Judges {@link TrustRecords}: no signature is verified here, so a verdict costs
 * microseconds; it is remembered until the records change.
 *
 * Conventions, the same as the server's:
 * - An endorser must have been confirmed strictly before what it signs.
 * - The department's policy, root admins, loss, grants and card are those of the endorsement's
 *   `created`; for a device that needs no endorsement they are today's.
 *
 * Stricter than the server: E4 refuses while the certificate of one of the person's other devices is
 * unknown and that device is not revoked, because it may have been confirmed.
 */
import { equalBytes, toHex } from "../../octets.ts";
import { idOf, type DeviceId, type PersonId } from "../../ids.ts";
import { Refused, refuseUnless, type Missing } from "../format/refused.ts";
import { POLICY_NONE } from "./department.ts";
import type { Certificate } from "./device-certificate.ts";
import { OWN_DEVICE, type Endorsement } from "./endorsement.ts";
import { grantsOver, grantsOverPerson } from "./granted.ts";
import {
  EVER,
  NOBODY,
  isRootAdmin,
  type GrantChain,
  type Judgement,
  type Without,
} from "./judgement.ts";
import { Memory } from "./memory.ts";
import { isByAuthority, type Revocation } from "./revocation.ts";
import { isRemoved, judgeRevocation, letsStand, lostFrom } from "./standing.ts";
import type { TrustRecords } from "./trust-records.ts";

/** "first" is shown as not approved. */
export type How = "root_admin" | "own_device" | "admin" | "first";

export interface ConfirmedDevice {
  readonly device: DeviceId;
  readonly person: PersonId;
  /** The certificate of the time that was asked about. */
  readonly certificate: Certificate;
  readonly how: How;
  /** Whether somebody vouched for it: not so for "first". */
  readonly approved: boolean;
  /** The endorser and its person; null where there is none. */
  readonly by: DeviceId | null;
  readonly byPerson: PersonId | null;
  /** When the endorsement was made; null where there is none. */
  readonly sinceMs: number | null;
}

/** A verdict without the time of asking. */
interface Vouched {
  readonly how: How;
  readonly endorsement: Endorsement | null;
}

export class Judge implements Judgement {
  readonly records: TrustRecords;
  readonly memory = new Memory();

  constructor(records: TrustRecords) {
    this.records = records;
  }

  /**
   * How a device is confirmed; certificate and loss count at `atMs`. Throws Refused with this rule;
   * `missing` says what to fetch, if that may change the answer.
   */
  confirmed(device: DeviceId, atMs: number, rule = "E0"): ConfirmedDevice {
    this.memory.begin(this.records.version);
    const { records } = this;
    const certificate = records.certificateAt(device, atMs);
    if (certificate === null) {
      const known = records.certificatesOf(device).length > 0;
      const reason = known ? "certificate is not valid then" : "certificate is unknown";
      throw notConfirmed(rule, reason, { kind: "certificate", device });
    }
    const { person } = certificate;
    const devices = records.devicesOf(person);
    if (devices === null)
      throw notConfirmed(rule, "devices are unknown", { kind: "person devices", person });
    const lost = lostFrom(this, device);
    refuseUnless(lost === null || atMs < lost, rule, "not confirmed: revoked");
    if (!devices.includes(device))
      throw notConfirmed(rule, "not its person's device", { kind: "person devices", person });
    const { how, endorsement } = this.#verdict(device, rule);
    const by = endorsement === null ? null : idOf<DeviceId>(endorsement.endorser);
    return {
      ...{ device, person, certificate, how, by },
      approved: how !== "first",
      byPerson: by === null ? null : records.personOf(by),
      sinceMs: endorsement?.created ?? null,
    };
  }

  /** The same without throwing; null: not confirmed. */
  confirmedOrNull(device: DeviceId, atMs: number): ConfirmedDevice | null {
    try {
      return this.confirmed(device, atMs);
    } catch (error) {
      if (error instanceof Refused) return null;
      throw error;
    }
  }

  /** Refuse by E0 an endorsement that is not among the records, or does not count as of now. */
  requireEndorsement(endorsement: Endorsement): void {
    this.memory.begin(this.records.version);
    const held = this.records
      .endorsementsOf(idOf(endorsement.endorsed))
      .find(({ hash }) => equalBytes(hash, endorsement.hash));
    if (held === undefined || !this.#endorsementCounts(held, NOBODY))
      throw new Refused("E0", "endorsement does not count", this.memory.missing);
  }

  /** Whether a device may endorse, as admin, devices of a person at a time. */
  mayAdminister(device: DeviceId, person: PersonId, atMs: number): boolean {
    const signer = this.confirmedOrNull(device, atMs);
    return signer !== null && this.#mayAdminister(signer.certificate, person, atMs);
  }

  /** Whether a person has a grant in force over a unit path. */
  isGranted(person: PersonId, path: string, atMs: number): boolean {
    this.memory.begin(this.records.version);
    return this.grantsOver(person, path, atMs).length > 0;
  }

  /** Whether somebody other than the roster authority had revoked a device by a time (E4). */
  isRemoved(device: DeviceId, atMs: number): boolean {
    this.memory.begin(this.records.version);
    return isRemoved(this, device, atMs);
  }

  /** From when a device counts as lost; null: it is not revoked. */
  lostFrom(device: DeviceId): number | null {
    this.memory.begin(this.records.version);
    return lostFrom(this, device);
  }

  /**
   * E6: what this device does on the revocations of itself. It wipes itself on one by another of its
   * person's devices that endorsed it, directly or onward, or by an admin; the roster authority's,
   * and another own device's, lock it and keep everything.
   */
  reaction(device: DeviceId): "none" | "lock" | "wipe" {
    this.memory.begin(this.records.version);
    const counting = this.records.revocationsOf(device).filter((one) => this.counts(one));
    if (counting.length === 0) return "none";
    return counting.some((one) => this.#wipes(one, device)) ? "wipe" : "lock";
  }

  #wipes(revocation: Revocation, device: DeviceId): boolean {
    if (isByAuthority(revocation)) return false;
    const signer = idOf<DeviceId>(revocation.signer);
    const { records } = this;
    if (isRootAdmin(records, revocation.signer, revocation.created)) return true;
    if (records.personOf(signer) !== records.personOf(device)) return true;
    const seen = new Set<DeviceId>();
    for (let one: DeviceId | null = device; one !== null && !seen.has(one);) {
      seen.add(one);
      const endorsement = this.#firstEndorsement(one, EVER, NOBODY);
      one = endorsement === null ? null : idOf<DeviceId>(endorsement.endorser);
      if (one === signer) return true;
    }
    return false;
  }

  // --- E0 and E4 --------------------------------------------------------------------------------

  #verdict(device: DeviceId, rule: string): Vouched {
    const found = this.memory.remember("verdict", device, () => {
      return this.#vouched(device) ?? this.memory.missing;
    });
    if (found !== null && "how" in found) return found;
    throw notConfirmed(rule, "nobody whose word counts endorsed it", found);
  }

  #vouched(device: DeviceId): Vouched | null {
    const { department } = this.records;
    if (department.admins.some((admin) => toHex(admin) === device))
      return { how: "root_admin", endorsement: null };
    const endorsement = this.#firstEndorsement(device, EVER, NOBODY);
    if (endorsement !== null)
      return { how: endorsement.kind === OWN_DEVICE ? "own_device" : "admin", endorsement };
    const awaited = this.records.awaitedEndorser(device);
    if (awaited !== null) this.memory.note({ kind: "certificate", device: awaited });
    const first = department.policy === POLICY_NONE && this.#isFirst(device);
    return first ? { how: "first", endorsement: null } : null;
  }

  confirmedBefore(device: DeviceId, atMs: number, without: Without): boolean {
    this.memory.step();
    if (without.has(device) || this.records.personOf(device) === null) return false;
    const department = this.records.departmentAt(atMs);
    if (department.admins.some((admin) => toHex(admin) === device)) return true;
    if (department.policy === POLICY_NONE && this.#isFirst(device)) return true;
    return this.#firstEndorsement(device, atMs, without) !== null;
  }

  /** Whether it is the first of its person that was registered, revoked or not. */
  #isFirst(device: DeviceId): boolean {
    const person = this.records.personOf(device);
    return person !== null && this.records.devicesOf(person)?.[0] === device;
  }

  /** The first endorsement of a device, made before a time, that counts. */
  #firstEndorsement(device: DeviceId, atMs: number, without: Without): Endorsement | null {
    const find = (): Endorsement | null =>
      this.records
        .endorsementsOf(device)
        .find((one) => one.created < atMs && this.#endorsementCounts(one, without)) ?? null;
    if (without.size > 0) return find();
    // The first that counts is the first for any time; that none does yet says nothing of later.
    const keep = (found: Endorsement | null): boolean => found !== null || atMs === EVER;
    const first = this.memory.remember("endorsed", device, find, keep);
    return first !== null && first.created < atMs ? first : null;
  }

  #endorsementCounts(endorsement: Endorsement, without: Without): boolean {
    this.memory.step();
    const { created, kind } = endorsement;
    const endorsed = idOf<DeviceId>(endorsement.endorsed);
    const person = this.records.personOf(endorsed);
    if (person === null) return false;
    const by = idOf<DeviceId>(endorsement.endorser);
    const [first] = this.records.certificatesOf(endorsed);
    if (first !== undefined && created < first.notBefore) return false;
    const endorser = this.signerAt(by, endorsement.hash, created, without);
    if (endorser === null) return false;
    if (kind === OWN_DEVICE) return endorser.person === person && by !== endorsed;
    return (
      this.#mayAdminister(endorser, person, created) &&
      this.#standsAlone(endorsed, person, created, without)
    );
  }

  /**
   * E4: the person's devices that were confirmed before, without this one's word, are revoked, and not
   * by the roster authority. Two that were endorsed at one time exclude each other.
   */
  #standsAlone(endorsed: DeviceId, person: PersonId, atMs: number, without: Without): boolean {
    const devices = this.records.devicesOf(person);
    if (devices === null) {
      this.memory.note({ kind: "person devices", person });
      return false;
    }
    const aside = new Set([...without, endorsed]);
    return devices.every((other) => {
      if (other === endorsed || isRemoved(this, other, atMs)) return true;
      if (this.records.certificatesOf(other).length === 0) {
        this.memory.note({ kind: "certificate", device: other });
        return false;
      }
      return !this.confirmedBefore(other, atMs + 1, aside);
    });
  }

  #mayAdminister(signer: Certificate, person: PersonId, atMs: number): boolean {
    if (isRootAdmin(this.records, signer.deviceBytes, atMs)) return true;
    return grantsOverPerson(this, signer.person, person, atMs).length > 0;
  }

  signerAt(device: DeviceId, hash: Uint8Array, atMs: number, without: Without): Certificate | null {
    const certificate = this.records.certificateAt(device, atMs);
    if (certificate === null) {
      if (this.records.certificatesOf(device).length === 0)
        this.memory.note({ kind: "certificate", device });
      return null;
    }
    const blocked = this.records
      .revocationsOf(device)
      .some((one) => !letsStand(one, hash, atMs) && this.counts(one));
    return !blocked && this.confirmedBefore(device, atMs, without) ? certificate : null;
  }

  grantsOver(person: PersonId, path: string, atMs: number): readonly GrantChain[] {
    return grantsOver(this, person, path, atMs);
  }

  counts(revocation: Revocation): boolean {
    return judgeRevocation(this, revocation);
  }
}

function notConfirmed(rule: string, reason: string, missing: Missing | null = null): Refused {
  return new Refused(rule, `not confirmed: ${reason}`, missing);
}
