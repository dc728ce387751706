/**
 * Taking one answer of the server in: each record is verified by `TrustRecords`, and what is refused
 * is left out. Collects the rows to write and what changed, so that the caller writes once and tells
 * afterwards.
 */
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import type { Change } from "../vault/vault.ts";
import type { PersonTrust as PersonBundle } from "../wire.ts";
import { clientNamedBy, parseCertificate } from "../keys/trust/certificate.ts";
import type { Judge } from "../keys/trust/confirmed.ts";
import { EndorsementFormat } from "../keys/trust/endorsement.ts";
import { GrantFormat } from "../keys/trust/grant.ts";
import type { HeldKeys } from "./held-keys.ts";
import { PersonCardFormat, type PersonCard } from "../keys/trust/person-card.ts";
import { PersonDevicesFormat, deviceIds } from "../keys/trust/person-devices.ts";
import {
  DEVICE_PEOPLE_STORE,
  KEPT_KINDS,
  PERSON_TRUST_STORE,
  newRecords,
  type KeptKind,
  type PersonRow,
} from "./person-row.ts";
import type { CardChange, DeviceChange } from "./ports.ts";
import { RevocationFormat } from "../keys/trust/revocation.ts";
import type { TrustRecords } from "../keys/trust/trust-records.ts";

/** A person's devices before the answer: null if the person was unknown. */
interface Before {
  readonly devices: readonly DeviceId[] | null;
  readonly lost: ReadonlySet<DeviceId>;
  readonly card: PersonCard | null;
}

export class Taking {
  readonly #records: TrustRecords;
  readonly #judge: Judge;
  readonly #keys: HeldKeys;
  readonly rows = new Map<PersonId, PersonRow>();
  readonly changed = new Set<PersonId>();
  /** Answers with a certificate that no known issuing CA signed. */
  readonly unknownIssuers = new Set<PersonBundle>();
  readonly #before = new Map<PersonId, Before>();
  readonly #owners = new Map<DeviceId, PersonId>();

  constructor(records: TrustRecords, judge: Judge, keys: HeldKeys) {
    this.#records = records;
    this.#judge = judge;
    this.#keys = keys;
  }

  /**
   * Put what the vault kept back into memory. It is verified again: the disk may be damaged, and the
   * roster authority another. Returns the row without what is refused, but with the former list and
   * card: the next are compared with them (E1).
   */
  async restore(row: PersonRow): Promise<PersonRow> {
    const { personId } = row;
    if (row.devices !== null) await this.#acceptDevices(row.devices, personId);
    const kept: Partial<Record<KeptKind, readonly Uint8Array[]>> = {};
    for (const kind of KEPT_KINDS) {
      const accepted: Uint8Array[] = [];
      for (const bytes of row[kind])
        if (await this.#accept(kind, bytes, personId)) accepted.push(bytes);
      if (accepted.length < row[kind].length) kept[kind] = accepted;
    }
    await this.#keys.accept(row.keys, personId, this.#records);
    const present = row.devices === null || this.#records.personDevices(personId) !== null;
    return {
      ...{ ...row, ...kept },
      // Another roster authority has a list of these devices: the server is asked for it.
      ...(present ? {} : { version: 0, keysVersion: 0 }),
      cards:
        this.#records.card(personId) === null ? row.cards.slice(-1) : (kept.cards ?? row.cards),
    };
  }

  async take(row: PersonRow, bundle: PersonBundle, keys: boolean): Promise<void> {
    const { personId } = row;
    this.#note(row);
    this.unknownIssuers.delete(bundle);
    const before = this.#records.version;
    for (const bytes of bundle.devices) await this.#acceptDevices(bytes, personId);
    const lists: Partial<Record<KeptKind, readonly Uint8Array[]>> = {};
    for (const kind of KEPT_KINDS) {
      const accepted: Uint8Array[] = [];
      for (const bytes of newRecords(row, bundle, kind)) {
        const taken = await this.#accept(kind, bytes, personId);
        if (taken) accepted.push(bytes);
        else if (kind === "certificates") this.unknownIssuers.add(bundle);
      }
      if (accepted.length > 0) lists[kind] = [...row[kind], ...accepted];
    }
    const newKeys = await this.#keys.accept(bundle.keys, personId, this.#records);
    if (this.#records.version !== before || newKeys || Object.keys(lists).length > 0)
      this.changed.add(personId);
    // Version 0 asks for the same answer again while a certificate's issuer is not known.
    const version = this.unknownIssuers.has(bundle) ? 0 : bundle.version;
    const next: PersonRow = {
      ...row,
      ...lists,
      version: Math.max(row.version, version),
      keysVersion: keys ? Math.max(row.keysVersion, version) : row.keysVersion,
      devices: this.#records.personDevices(personId)?.bytes ?? row.devices,
    };
    this.rows.set(personId, { ...next, keys: this.#keys.of(next, this.#records) });
  }

  /** The changes to write before anybody is told. */
  get changes(): readonly Change[] {
    const rows = [...this.rows.values()].map((value): Change => ({
      op: "put",
      store: PERSON_TRUST_STORE,
      key: value.personId,
      value,
    }));
    const owners = [...this.#owners].map(([key, value]): Change => ({
      op: "put",
      store: DEVICE_PEOPLE_STORE,
      key,
      value,
    }));
    return [...rows, ...owners];
  }

  /** E1: differences of verified records; nothing of people who were not known before. */
  deviceChanges(): readonly DeviceChange[] {
    const changes: DeviceChange[] = [];
    for (const [personId, { devices, lost }] of this.#before) {
      if (devices === null) continue;
      const now = this.#records.devicesOf(personId) ?? [];
      const added = now.filter((device) => !devices.includes(device));
      const removed = devices.filter(
        (device) => !lost.has(device) && this.#judge.lostFrom(device) !== null,
      );
      if (added.length > 0 || removed.length > 0) changes.push({ personId, added, removed });
    }
    return changes;
  }

  /** Cards that say something else than the one before; a first card is no change. */
  cardChanges(): readonly CardChange[] {
    const changes: CardChange[] = [];
    for (const [personId, { card: before }] of this.#before) {
      const after = this.#records.card(personId);
      if (before === null || after === null || wordsOf(before) === wordsOf(after)) continue;
      changes.push({ personId, before, after });
    }
    return changes;
  }

  #note({ personId, devices: list, cards }: PersonRow): void {
    if (this.#before.has(personId)) return;
    // A former roster authority's list and card too, which are no longer among the records.
    const devices = list === null ? null : deviceIds(PersonDevicesFormat.parse(list));
    const lost = (devices ?? []).filter((device) => this.#judge.lostFrom(device) !== null);
    const [former] = cards.slice(-1);
    const card =
      this.#records.card(personId) ??
      (former === undefined ? null : PersonCardFormat.parse(former));
    this.#before.set(personId, { devices, lost: new Set(lost), card });
  }

  /** False: refused. A record about another person is refused, whoever signed it. */
  async #accept(kind: KeptKind, bytes: Uint8Array, personId: PersonId): Promise<boolean> {
    try {
      refuseUnless(this.#isAbout(kind, bytes, personId), "E0", "about another person");
      await this.#add(kind, bytes);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return false;
    }
  }

  #isAbout(kind: KeptKind, bytes: Uint8Array, personId: PersonId): boolean {
    const deviceOf = (device: Uint8Array): boolean =>
      this.#records.personOf(idOf(device)) === personId;
    switch (kind) {
      case "certificates":
        return clientNamedBy(parseCertificate(bytes)).personId === personId;
      case "cards":
        return idOf(PersonCardFormat.parse(bytes).person) === personId;
      case "grants":
        return idOf(GrantFormat.parse(bytes).person) === personId;
      case "endorsements":
        return deviceOf(EndorsementFormat.parse(bytes).endorsed);
      case "revocations":
        return deviceOf(RevocationFormat.parse(bytes).device);
    }
  }

  async #add(kind: KeptKind, bytes: Uint8Array): Promise<void> {
    switch (kind) {
      case "certificates": {
        const { device, person } = await this.#records.addCertificate(bytes);
        this.#owners.set(device, person);
        return;
      }
      case "cards":
        return this.#records.addCard(bytes);
      case "grants":
        return this.#records.addGrant(bytes);
      case "endorsements":
        return this.#records.addEndorsement(bytes);
      case "revocations":
        return this.#records.addRevocation(bytes);
    }
  }

  async #acceptDevices(bytes: Uint8Array, personId: PersonId): Promise<void> {
    try {
      const same = idOf(PersonDevicesFormat.parse(bytes).person) === personId;
      refuseUnless(same, "E0", "another person's devices");
      await this.#records.addPersonDevices(bytes);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
}

/** All that a card says of its person, to compare two. */
export function wordsOf({ names, rank, post, path }: PersonCard): string {
  return JSON.stringify([names, rank, post, path]);
}
