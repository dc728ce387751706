/**
 * An update of what this device trusts, from one answer of the server: `TrustRecords` verifies each
 * record, and refused ones are left out. A record is kept once it is verified; before, it waits. Collects the rows to write
 * and what changed, so that the caller writes once and tells afterwards.
 */
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { equalBytes, toHex } from "../octets.ts";
import { Forked, Refused, refuseUnless } from "../keys/format/refused.ts";
import type { Change } from "../vault/vault.ts";
import type { PersonTrust as PersonBundle } from "../wire.ts";
import { clientNamedBy, parseCertificate } from "../keys/trust/certificate.ts";
import { EndorsementFormat } from "../keys/trust/endorsement.ts";
import { GrantFormat } from "../keys/trust/grant.ts";
import type { HeldKeys } from "./held-keys.ts";
import { NO_ANSWER, nameOfAnswer } from "./naming.ts";
import { PersonCardFormat } from "../keys/trust/person-card.ts";
import { PersonDevicesFormat } from "../keys/trust/person-devices.ts";
import {
  DEVICE_PEOPLE_STORE,
  KEPT_KINDS,
  PERSON_TRUST_STORE,
  SIGNED_KINDS,
  STATED_KINDS,
  newRecords,
  type KeptKind,
  type PersonTrustRow,
  type SignedKind,
} from "./person-row.ts";
import type { RefusedCard } from "./ports.ts";
import { RevocationFormat } from "../keys/trust/revocation.ts";
import { CARD_IN_TIME_MS, type TrustRecords } from "../keys/trust/trust-records.ts";
import { signerOf } from "./signers.ts";
import type { WaitingRecords, WaitingRecord } from "./waiting.ts";

type AcceptedRecord = Pick<WaitingRecord, "kind" | "bytes">;

/** The server's word about people. */
export interface TrustAnswer {
  readonly people: readonly PersonBundle[];
  readonly keys: boolean;
  /** People about whom it said that the device's answer is still the newest. */
  readonly unchanged: readonly PersonId[];
  /** When it was asked, by the department's time; null: unasked, or the time was not known. */
  readonly askedMs: number | null;
}

export class TrustUpdate {
  readonly #records: TrustRecords;
  readonly #keys: HeldKeys;
  readonly rows = new Map<PersonId, PersonTrustRow>();
  readonly changed = new Set<PersonId>();
  /** Answers with a certificate that no known issuing CA signed. */
  readonly unknownIssuers = new Set<PersonBundle>();
  /** By hash. */
  readonly refusedCards = new Map<string, RefusedCard>();
  /** When the server had answered last about a person, before this update. */
  readonly #answeredMs = new Map<PersonId, number | null>();
  readonly #owners = new Map<DeviceId, PersonId>();
  readonly #waiting: WaitingRecords;
  /** Records of the answers that were not refused; some of them wait. */
  readonly #accepted = new Map<PersonId, readonly AcceptedRecord[]>();

  constructor(records: TrustRecords, keys: HeldKeys, waiting: WaitingRecords) {
    this.#records = records;
    this.#keys = keys;
    this.#waiting = waiting;
  }

  /** The records that verify it. */
  get records(): TrustRecords {
    return this.#records;
  }

  /**
   * Put what the vault kept back into memory. It is verified again: the disk may be damaged, and the
   * roster authority another. Returns the row without what is refused.
   */
  async restore(row: PersonTrustRow): Promise<PersonTrustRow> {
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
    const whole = present && Object.keys(kept).length === 0;
    const wholeKeys = whole && isSame(this.#keys.of(row, this.#records), row.keys);
    return {
      ...{ ...row, ...kept },
      devices: present ? row.devices : null,
      answer: whole ? row.answer : NO_ANSWER,
      answerWithKeys: wholeKeys ? row.answerWithKeys : NO_ANSWER,
      // Another roster authority signs cards again with their former dates.
      answeredMs: whole ? row.answeredMs : null,
    };
  }

  /** Take an answer in. `rowOf`: the rows before. */
  async apply(
    { people: bundles, keys, unchanged, askedMs }: TrustAnswer,
    rowOf: (personId: PersonId) => PersonTrustRow,
  ): Promise<void> {
    const before = (personId: PersonId): PersonTrustRow =>
      this.rows.get(personId) ?? rowOf(personId);
    const answers = new Map<PersonId, PersonBundle>();
    // Most that comes beside messages is held already.
    for (const bundle of bundles)
      if (!isHeld(before(bundle.personId), bundle, keys)) answers.set(bundle.personId, bundle);
    await this.verify([...answers].map(([personId, bundle]) => [before(personId), bundle]));
    for (const [personId, bundle] of answers)
      await this.#keys.accept(bundle.keys, personId, this.#records);
    for (const [personId, settled] of this.#waiting.settle(this.#records))
      for (const record of settled) this.#noteAccepted(personId, record);
    for (const personId of new Set([...answers.keys(), ...this.#accepted.keys()]))
      this.#keep(before(personId), answers.get(personId) ?? null, keys);
    this.#accepted.clear();
    if (askedMs === null) return;
    const answered = new Set([...unchanged, ...bundles.map(({ personId }) => personId)]);
    for (const { personId } of this.refusedCards.values()) answered.delete(personId);
    for (const personId of answered) this.#noteAnswer(before(personId), askedMs);
  }

  #noteAnswer(row: PersonTrustRow, askedMs: number): void {
    const answeredMs = askedMs - (askedMs % CARD_IN_TIME_MS);
    if (answeredMs > (row.answeredMs ?? -Infinity))
      this.rows.set(row.personId, { ...row, answeredMs });
  }

  /**
   * Verify what answers say and the rows before do not hold. Certificates come first, so that a
   * record waits only for the certificate of a signer about whom no answer says anything.
   */
  async verify(answers: readonly (readonly [PersonTrustRow, PersonBundle])[]): Promise<void> {
    const each = (step: (row: PersonTrustRow, bundle: PersonBundle) => Promise<void>) =>
      Promise.all(answers.map(([row, bundle]) => step(row, bundle)));
    await each(async (row, bundle) => {
      if (!this.#answeredMs.has(row.personId)) this.#answeredMs.set(row.personId, row.answeredMs);
      this.unknownIssuers.delete(bundle);
      for (const bytes of bundle.devices) await this.#acceptDevices(bytes, row.personId);
      for (const kind of STATED_KINDS)
        for (const bytes of newRecords(row[kind], bundle[kind])) {
          const taken = await this.#takeRecord(kind, bytes, row.personId);
          if (!taken && kind === "certificates") this.unknownIssuers.add(bundle);
        }
    });
    await each(async (row, bundle) => {
      for (const kind of SIGNED_KINDS)
        for (const bytes of newRecords(row[kind], bundle[kind]))
          if (this.#hasPlace(kind, bytes, row.personId))
            await this.#takeRecord(kind, bytes, row.personId);
    });
  }

  /** Whether a record can be verified, or may wait for its signer's certificate. */
  #hasPlace(kind: SignedKind, bytes: Uint8Array, personId: PersonId): boolean {
    try {
      const signer = signerOf(kind, bytes);
      if (signer === null || this.#records.certificatesOf(signer).length > 0) return true;
      return this.#waiting.add(personId, { kind, bytes, signer });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return false;
    }
  }

  async #takeRecord(kind: KeptKind, bytes: Uint8Array, personId: PersonId): Promise<boolean> {
    const taken = await this.#accept(kind, bytes, personId);
    if (taken) this.#noteAccepted(personId, { kind, bytes });
    return taken;
  }

  #noteAccepted(personId: PersonId, record: AcceptedRecord): void {
    this.#accepted.set(personId, [...(this.#accepted.get(personId) ?? []), record]);
  }

  /** The person's next row: with every accepted record that is verified by now. */
  #keep(row: PersonTrustRow, bundle: PersonBundle | null, keys: boolean): void {
    const { personId } = row;
    const verified = (this.#accepted.get(personId) ?? []).filter(({ bytes }) =>
      this.#records.holds(bytes),
    );
    const lists: Partial<Record<KeptKind, readonly Uint8Array[]>> = {};
    for (const kind of KEPT_KINDS) {
      const served = verified.filter((one) => one.kind === kind).map(({ bytes }) => bytes);
      const more = newRecords(row[kind], served);
      if (more.length > 0) lists[kind] = [...row[kind], ...more];
    }
    const devices = this.#records.personDevices(personId)?.bytes ?? row.devices;
    const records = { ...row, ...lists, devices };
    const next = { ...records, keys: this.#keys.of(records, this.#records) };
    const grown = Object.keys(lists).length > 0 || !isSame(next.keys, row.keys);
    if (grown || devices !== row.devices) this.changed.add(personId);
    const whole = bundle !== null && this.#holdsAll(next, bundle);
    const answer = whole ? nameOfAnswer(bundle, false) : row.answer;
    const wholeKeys = whole && keys && newRecords(next.keys, bundle.keys).length === 0;
    const answerWithKeys = wholeKeys ? nameOfAnswer(bundle, true) : row.answerWithKeys;
    this.rows.set(personId, { ...next, answer, answerWithKeys });
  }

  /** Whether every record of an answer but its DeviceKeys is verified and in the row. */
  #holdsAll(row: PersonTrustRow, bundle: PersonBundle): boolean {
    const newest = bundle.devices.at(-1);
    return (
      (newest === undefined || (row.devices !== null && equalBytes(newest, row.devices))) &&
      KEPT_KINDS.every((kind) => newRecords(row[kind], bundle[kind]).length === 0)
    );
  }

  /** The changes to write before listeners run. */
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

  /** False: refused. A record about another person is refused, no matter who signed it. */
  async #accept(kind: KeptKind, bytes: Uint8Array, personId: PersonId): Promise<boolean> {
    try {
      refuseUnless(this.#isAbout(kind, bytes, personId), "E0", "about another person");
      await this.#add(kind, bytes, personId);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (kind === "cards" && error instanceof Forked) {
        const card = PersonCardFormat.parse(bytes);
        this.refusedCards.set(toHex(card.hash), { personId, card });
      }
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

  async #add(kind: KeptKind, bytes: Uint8Array, personId: PersonId): Promise<void> {
    switch (kind) {
      case "certificates": {
        const { device, person } = await this.#records.addCertificate(bytes);
        this.#owners.set(device, person);
        return;
      }
      case "cards":
        return this.#records.addCard(bytes, this.#answeredMs.get(personId) ?? undefined);
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

/** Whether an answer is the one by whose name the row says that it is in. */
function isHeld(row: PersonTrustRow, bundle: PersonBundle, keys: boolean): boolean {
  const held = keys ? row.answerWithKeys : row.answer;
  return held.length > 0 && equalBytes(held, nameOfAnswer(bundle, keys));
}

function isSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return newRecords(some, others).length === 0 && newRecords(others, some).length === 0;
}
