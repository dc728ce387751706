/**
 * The verified records about people and devices that a device holds: what confirmed.ts judges.
 *
 * Invariants: everything in here bears the right signature, checked once, on the way in; a record
 * once in stays. Judging is therefore immediate and verifies nothing. Records wait aside until
 * a certificate of the device that signed them is in: a device's key never changes, so any
 * certificate will do. The newest roster authority alone signs what counts: a department record that
 * names another takes away all cards, lists of devices and revocations of the former.
 *
 * `version` grows with every change; verdicts are remembered by it. Concurrency: adding awaits
 * WebCrypto, and a record added meanwhile is judged with all records held by then. No I/O, no
 * clock.
 */
import { equalBytes, toHex, compareBytes } from "../../octets.ts";
import { hash } from "../format/hashing.ts";
import { CARDS_IN_FORCE_MS } from "../../limits.ts";
import { idOf, type DeviceId, type PersonId } from "../../ids.ts";
import type { SignedRecord } from "../format/record.ts";
import { Forked, refuseUnless } from "../format/refused.ts";
import { MINUTE_MS } from "../format/times.ts";
import {
  DepartmentFormat,
  authorityOf,
  checkDepartment,
  requireFollows,
  type Department,
} from "./department.ts";
import { readCertificate, spkiHash, type Certificate } from "./device-certificate.ts";
import { EndorsementFormat, requireEndorsementValues, type Endorsement } from "./endorsement.ts";
import { GrantFormat, requireGrantValues, type Grant } from "./grant.ts";
import { PersonCardFormat, type PersonCard } from "./person-card.ts";
import {
  PersonDevicesFormat,
  checkPersonDevices,
  deviceIds,
  type PersonDevices,
} from "./person-devices.ts";
import {
  RevocationFormat,
  isByAuthority,
  requireRevocationValues,
  type Revocation,
} from "./revocation.ts";

/**
 * A card may be dated so long before an answer that lacked it: the server signs it within seconds of
 * its date. Times of answers are kept to as much, so that ten minutes are refused in any case.
 */
export const CARD_IN_TIME_MS = 5 * MINUTE_MS;

/** A record that a device signed, as lists are ordered: by date, then by hash. */
type Dated = SignedRecord & { readonly created: number };

function addTo<K, V>(lists: Map<K, V[]>, key: K, value: V, compare: (a: V, b: V) => number): void {
  const list = lists.get(key) ?? [];
  const at = list.findIndex((other) => compare(value, other) < 0);
  list.splice(at < 0 ? list.length : at, 0, value);
  lists.set(key, list);
}

function has(list: readonly SignedRecord[] | undefined, record: SignedRecord): boolean {
  return list?.some(({ hash }) => equalBytes(hash, record.hash)) ?? false;
}

function byDate(a: Dated, b: Dated): number {
  return a.created - b.created || compareBytes(a.hash, b.hash);
}

export class TrustRecords {
  readonly #rootKey: Uint8Array;
  readonly #issuingKeys: Uint8Array[] = [];
  readonly #departments: Department[] = [];
  readonly #certificates = new Map<DeviceId, Certificate[]>();
  readonly #cards = new Map<PersonId, readonly PersonCard[]>();
  readonly #personDevices = new Map<PersonId, PersonDevices>();
  readonly #listedPerson = new Map<DeviceId, PersonId>();
  readonly #endorsements = new Map<DeviceId, Endorsement[]>();
  readonly #grants = new Map<PersonId, Grant[]>();
  readonly #revocations = new Map<DeviceId, Revocation[]>();
  /** Records that wait for a certificate of the device that signed them. */
  readonly #pending = new Map<DeviceId, (() => Promise<void>)[]>();
  /** The signer of the endorsement that waits for each device. */
  readonly #awaited = new Map<DeviceId, DeviceId>();
  /** Hashes of all verified records about people. */
  readonly #held = new Set<string>();
  #version = 0;

  /** The offline root's raw public key, pinned at registration. */
  constructor(rootKey: Uint8Array) {
    this.#rootKey = rootKey;
  }

  get version(): number {
    return this.#version;
  }

  /** Whether a record about a person is in, verified: not whether it waits. */
  holds(bytes: Uint8Array): boolean {
    return this.#held.has(toHex(hash(bytes)));
  }

  // --- What is known ----------------------------------------------------------------------------

  /** The record with the highest number. Throws Refused (E0) before there is one. */
  get department(): Department {
    const newest = this.#departments.at(-1);
    refuseUnless(newest !== undefined, "E0", "no department record");
    return newest;
  }

  /** The record in force at a time; before the first that is held, that one. */
  departmentAt(atMs: number): Department {
    const found = this.#departments.findLast(({ created }) => created <= atMs);
    return found ?? this.#departments[0] ?? this.department;
  }

  /** Raw public key of the roster authority that may sign this epoch. Refuses by `rule`. */
  authorityOf(epoch: number, rule: string): Uint8Array {
    return authorityOf(this.#departments, epoch, rule);
  }

  /**
   * The newest roster authority's, if a record's number is one of that authority's. Refuses (E0).
   */
  #authority(number: number): Uint8Array {
    return authorityOf([this.department], number, "E0");
  }

  /** A device's certificates; the one that began first comes first. */
  certificatesOf(device: DeviceId): readonly Certificate[] {
    return this.#certificates.get(device) ?? [];
  }

  /** The newest certificate that is valid at a time, by an issuing CA of the record in force then. */
  certificateAt(device: DeviceId, atMs: number): Certificate | null {
    const { issuers } = this.departmentAt(atMs);
    const valid = (one: Certificate): boolean =>
      one.notBefore <= atMs &&
      atMs <= one.notAfter &&
      issuers.some((issuer) => toHex(issuer) === one.issuer);
    return this.certificatesOf(device).findLast(valid) ?? null;
  }

  /** By a certificate, or by the person's list of devices. */
  personOf(device: DeviceId): PersonId | null {
    return this.certificatesOf(device)[0]?.person ?? this.#listedPerson.get(device) ?? null;
  }

  personDevices(person: PersonId): PersonDevices | null {
    return this.#personDevices.get(person) ?? null;
  }

  /** In the order of registration, revoked ones too; null: no list is known. */
  devicesOf(person: PersonId): readonly DeviceId[] | null {
    const list = this.personDevices(person);
    return list === null ? null : deviceIds(list);
  }

  /** A person's cards, the newest last. */
  cardsOf(person: PersonId): readonly PersonCard[] {
    return this.#cards.get(person) ?? [];
  }

  /** A person's newest card; null: none is known. */
  card(person: PersonId): PersonCard | null {
    return this.cardsOf(person).at(-1) ?? null;
  }

  /**
   * The unit paths on the cards that were in force in the 7 days before a time, so that one who moves
   * a person gives nobody a right over the person at once; before the first card, the first one's.
   * Empty: no card is known.
   */
  unitPaths(person: PersonId, atMs: number): ReadonlySet<string> {
    const cards = this.cardsOf(person);
    const earlier = cards.findLastIndex(({ created }) => created <= atMs - CARDS_IN_FORCE_MS);
    const inForce = cards.slice(Math.max(0, earlier)).filter(({ created }) => created <= atMs);
    return new Set((inForce.length > 0 ? inForce : cards.slice(0, 1)).map(({ path }) => path));
  }

  /** A device's endorsements, the oldest first. */
  endorsementsOf(device: DeviceId): readonly Endorsement[] {
    return this.#endorsements.get(device) ?? [];
  }

  /** A device whose certificate is unknown and that endorsed this one; null: there is none. */
  awaitedEndorser(device: DeviceId): DeviceId | null {
    const signer = this.#awaited.get(device);
    return signer !== undefined && this.certificatesOf(signer).length === 0 ? signer : null;
  }

  /** To a person, the oldest first. */
  grantsTo(person: PersonId): readonly Grant[] {
    return this.#grants.get(person) ?? [];
  }

  /** A device's revocations, the oldest first. Whether one counts is judged in standing.ts. */
  revocationsOf(device: DeviceId): readonly Revocation[] {
    return this.#revocations.get(device) ?? [];
  }

  // --- What becomes known. Each throws Refused for what is malformed or wrongly signed ------------

  /** Add a record with a higher number than all that are held. */
  async addDepartment(bytes: Uint8Array): Promise<void> {
    const record = DepartmentFormat.parse(bytes);
    if (has(this.#departments, record)) return;
    await checkDepartment(record, this.#rootKey);
    // Another call may have added it, or a newer one, meanwhile.
    if (has(this.#departments, record)) return;
    const before = this.#departments.at(-1);
    if (before !== undefined) {
      requireFollows(record, before);
      if (before.authorityNumber !== record.authorityNumber) this.#forgetAuthority();
    }
    this.#departments.push(record);
    this.#version++;
  }

  /** Add an issuing CA's raw public key. Only authorities that a department record names count. */
  addIssuingKey(publicKey: Uint8Array): void {
    if (this.#issuingKeys.some((key) => equalBytes(key, publicKey))) return;
    this.#issuingKeys.push(publicKey);
  }

  async addCertificate(der: Uint8Array): Promise<Certificate> {
    const named = this.#departments.flatMap(({ issuers }) => issuers.map(toHex));
    const keys = this.#issuingKeys.filter((key) => named.includes(toHex(spkiHash(key))));
    const certificate = await readCertificate(der, keys);
    const known = this.certificatesOf(certificate.device);
    if (!known.some((one) => equalBytes(one.der, certificate.der))) {
      const { device } = certificate;
      addTo(this.#certificates, device, certificate, (a, b) => a.notBefore - b.notBefore);
      this.#held.add(toHex(hash(certificate.der)));
      this.#version++;
    }
    const waiting = this.#pending.get(certificate.device) ?? [];
    this.#pending.delete(certificate.device);
    // Wrong records that waited are left out: their sender is not the one who adds this.
    await Promise.allSettled(waiting.map((add) => add()));
    return certificate;
  }

  /**
   * Add a card. Those of a person come in their order: each is later than the one before, by number
   * and by date. `answeredMs`: when the server last answered without this card; it is not dated back.
   * Throws Forked (E4) for a rightly signed one that is.
   */
  async addCard(bytes: Uint8Array, answeredMs = -Infinity): Promise<void> {
    const card = PersonCardFormat.parse(bytes);
    const person = idOf<PersonId>(card.person);
    if (has(this.cardsOf(person), card)) return;
    await PersonCardFormat.verify(card, this.#authority(card.number));
    const cards = this.cardsOf(person);
    if (has(cards, card)) return;
    const last = cards.at(-1);
    const follows =
      last === undefined || (card.number > last.number && card.created > last.created);
    if (!follows) throw new Forked("E4", "a card that does not follow the one before");
    if (card.created < answeredMs - CARD_IN_TIME_MS)
      throw new Forked("E4", "a card that is dated back");
    this.#cards.set(person, [...cards, card]);
    this.#held.add(toHex(card.hash));
    this.#version++;
  }

  /** Take a list if it is newer than the one held. */
  async addPersonDevices(bytes: Uint8Array): Promise<void> {
    const list = PersonDevicesFormat.parse(bytes);
    const person = idOf<PersonId>(list.person);
    const former = this.personDevices(person);
    if (former !== null && list.number < former.number) return;
    await checkPersonDevices(list, this.#authority(list.number), former);
    if (former !== null && list.number === former.number) return;
    if (this.personDevices(person) !== former) return this.addPersonDevices(bytes);
    this.#personDevices.set(person, list);
    for (const device of deviceIds(list)) this.#listedPerson.set(device, person);
    this.#version++;
  }

  async addEndorsement(bytes: Uint8Array): Promise<void> {
    const record = EndorsementFormat.parse(bytes);
    requireEndorsementValues(record);
    this.#awaited.set(idOf(record.endorsed), idOf(record.endorser));
    await this.#bySigner(idOf(record.endorser), async (key) => {
      await EndorsementFormat.verify(record, key);
      this.#insert(this.#endorsements, idOf(record.endorsed), record);
    });
  }

  /** A grant or a withdrawal. */
  async addGrant(bytes: Uint8Array): Promise<void> {
    const record = GrantFormat.parse(bytes);
    requireGrantValues(record);
    await this.#bySigner(idOf(record.grantor), async (key) => {
      await GrantFormat.verify(record, key);
      this.#insert(this.#grants, idOf(record.person), record);
    });
  }

  async addRevocation(bytes: Uint8Array): Promise<void> {
    const record = RevocationFormat.parse(bytes);
    requireRevocationValues(record);
    const add = async (key: Uint8Array): Promise<void> => {
      await RevocationFormat.verify(record, key);
      this.#insert(this.#revocations, idOf(record.device), record);
    };
    if (isByAuthority(record)) await add(this.department.authority);
    else await this.#bySigner(idOf(record.signer), add);
  }

  async #bySigner(signer: DeviceId, add: (key: Uint8Array) => Promise<void>): Promise<void> {
    const later = async (): Promise<void> => {
      const [certificate] = this.certificatesOf(signer);
      if (certificate !== undefined) await add(certificate.publicKey);
    };
    if (this.certificatesOf(signer).length > 0) await later();
    else this.#pending.set(signer, [...(this.#pending.get(signer) ?? []), later]);
  }

  /** Another roster authority signs from now on. Whose device a list said it is stays known. */
  #forgetAuthority(): void {
    const former: SignedRecord[] = [...this.#cards.values()].flat();
    this.#cards.clear();
    this.#personDevices.clear();
    for (const [device, list] of this.#revocations) {
      former.push(...list.filter(isByAuthority));
      this.#revocations.set(
        device,
        list.filter((one) => !isByAuthority(one)),
      );
    }
    for (const { hash: forgotten } of former) this.#held.delete(toHex(forgotten));
  }

  #insert<K, R extends Dated>(lists: Map<K, R[]>, key: K, record: R): void {
    if (has(lists.get(key), record)) return;
    addTo(lists, key, record, byDate);
    this.#held.add(toHex(record.hash));
    this.#version++;
  }
}
