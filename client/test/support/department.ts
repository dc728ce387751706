/**
 * A small department for tests: offline root, issuing CA and roster authority with real keys, and
 * every record that they sign (docs/keys.md). Also devices without a core: {@link Signer} holds
 * a device's key and signs what a test wants it to sign, right or wrong.
 *
 * Stateless but for its keys and its department records: people and their lists belong to the
 * code that uses it (memory/people.ts).
 */
import type { TreeHead } from "#core/keys/format/merkle.ts";
import { fromHex, toHex, compareBytes } from "#core/octets.ts";
import { ZEROS } from "#core/keys/format/hashing.ts";
import { X25519, type Kem } from "#core/keys/hpke.ts";
import { idOf, newId, type ClientId, type DeviceId, type PersonId } from "#core/ids.ts";
import { DAY_MS } from "#core/keys/format/times.ts";
import { RosterHeadFormat, type RosterHead } from "#core/keys/roster/head.ts";
import { HeadStampFormat, type HeadStamp } from "#core/keys/roster/stamp.ts";
import {
  DepartmentFormat,
  type AppVersion,
  POLICY_APPROVAL,
  POLICY_NONE,
  type Department as DepartmentRecord,
} from "#core/keys/trust/department.ts";
import { deviceIdBytes, spkiHash } from "#core/keys/trust/device-certificate.ts";
import { BY_ADMIN, EndorsementFormat, OWN_DEVICE } from "#core/keys/trust/endorsement.ts";
import { GrantFormat } from "#core/keys/trust/grant.ts";
import { IncarnationFormat, type Incarnation } from "#core/keys/trust/incarnation.ts";
import { PersonCardFormat, type ScriptTexts } from "#core/keys/trust/person-card.ts";
import { PersonDevicesFormat } from "#core/keys/trust/person-devices.ts";
import { RevocationFormat } from "#core/keys/trust/revocation.ts";
import { TimeFormat } from "#core/keys/trust/time.ts";
import type { Trust } from "#core/wire.ts";
import {
  deviceCertificate,
  issuingAuthority,
  newKeyPair,
  rootAuthority,
  rosterAuthority,
  type CertificateAuthority,
  type DeviceOptions,
  type KeyPair,
} from "./certificates.ts";

/** A device as its own key sees it. */
export interface Signer {
  readonly personId: PersonId;
  readonly clientId: ClientId;
  readonly device: DeviceId;
  readonly deviceBytes: Uint8Array;
  readonly keys: KeyPair;
}

export function newSigner(
  personId: PersonId = newId(),
  clientId: ClientId = newId(),
  keys = newKeyPair(),
): Signer {
  const deviceBytes = deviceIdBytes(fromHex(personId), fromHex(clientId), keys.publicKey);
  return { personId, clientId, device: idOf(deviceBytes), deviceBytes, keys };
}

export type Policy = "none" | "approval";

export interface CardValues {
  readonly number: number;
  readonly createdMs: number;
  /** A plain text is in Latin script. */
  readonly names: ScriptTexts | string;
  readonly rank: ScriptTexts | string;
  readonly post: ScriptTexts | string;
  readonly unit: ScriptTexts | string;
  readonly path: string;
}

function inScripts(words: ScriptTexts | string): ScriptTexts {
  return typeof words === "string" ? [{ script: "Latn", text: words }] : words;
}

/** The next number, or epoch, and the hash of the record before. */
export interface Beginning {
  readonly number: number;
  readonly previous: Uint8Array;
}

/** The first: above all that a restored backup may have lost. */
export function beginning(incarnation: Incarnation | null): Beginning {
  return { number: (incarnation?.number ?? 0) + 1, previous: incarnation?.hash ?? ZEROS };
}

/** The number and the hash for the record after this one; null: it is the first. */
export function following(
  former: { readonly number: number; readonly hash: Uint8Array } | null,
  incarnation: Incarnation | null = null,
): Beginning {
  if (former === null) return beginning(incarnation);
  return { number: former.number + 1, previous: former.hash };
}

export type HeadValues = Parameters<typeof RosterHeadFormat.encodeUnsigned>[0];

export class Department {
  readonly root: CertificateAuthority;
  authority: CertificateAuthority;
  /** Those before it. */
  readonly #authorities: CertificateAuthority[] = [];
  issuing: CertificateAuthority;
  readonly #former: CertificateAuthority[] = [];
  readonly records: DepartmentRecord[] = [];

  private constructor(nowMs: number) {
    this.root = rootAuthority(nowMs);
    this.issuing = issuingAuthority(this.root, 1, nowMs);
    this.authority = rosterAuthority(this.root, nowMs);
  }

  /** A department whose first record names these root admins' devices. */
  static async found(options: {
    readonly nowMs: number;
    readonly policy?: Policy;
    readonly lowestKem?: Kem;
    readonly admins?: readonly Signer[];
  }): Promise<Department> {
    const department = new Department(options.nowMs);
    await department.declare({
      createdMs: options.nowMs,
      policy: options.policy ?? "none",
      lowestKem: options.lowestKem ?? X25519,
      admins: (options.admins ?? []).map(({ deviceBytes }) => deviceBytes),
    });
    return department;
  }

  /** The next department record. */
  async declare(values: {
    readonly createdMs: number;
    readonly policy: Policy;
    readonly lowestKem: Kem;
    readonly admins: readonly Uint8Array[];
    readonly lowestApp?: AppVersion;
  }): Promise<DepartmentRecord> {
    const issuers = [...this.#former, this.issuing].map(({ keys }) => spkiHash(keys.publicKey));
    const record = await DepartmentFormat.sign(
      {
        number: this.records.length + 1,
        created: values.createdMs,
        authorityNumber: this.#authorities.length,
        authority: this.authority.keys.publicKey,
        lowestKem: values.lowestKem,
        policy: values.policy === "none" ? POLICY_NONE : POLICY_APPROVAL,
        lowestApp: values.lowestApp ?? { major: 0, minor: 0, patch: 0 },
        issuers: [...issuers].sort(compareBytes),
        admins: [...values.admins].sort(compareBytes),
      },
      this.root.keys.privateKey,
    );
    this.records.push(record);
    return record;
  }

  get newest(): DepartmentRecord {
    return this.records.at(-1) as DepartmentRecord;
  }

  get issuingKeys(): readonly Uint8Array[] {
    return [...this.#former, this.issuing].map(({ keys }) => keys.publicKey);
  }

  /** Another issuing CA takes over; what the former one issued stays good. */
  nextIssuing(nowMs: number): void {
    this.#former.push(this.issuing);
    this.issuing = issuingAuthority(this.root, this.#former.length + 1, nowMs);
  }

  /** Replace the roster authority. Returns the former one, whose key may be stolen. */
  async nextAuthority(createdMs: number): Promise<CertificateAuthority> {
    const former = this.authority;
    this.#authorities.push(former);
    this.authority = rosterAuthority(this.root, createdMs);
    const { policy, lowestKem, admins } = this.newest;
    await this.declare({
      createdMs,
      policy: policy === POLICY_NONE ? "none" : "approval",
      lowestKem,
      admins,
    });
    return former;
  }

  trust(version: number, incarnation: Incarnation | null = null): Trust {
    return {
      version,
      root: this.root.certificate,
      issuing: [...this.#former, this.issuing].map(({ certificate }) => certificate),
      rosterAuthority: this.authority.certificate,
      departments: this.records.map(({ bytes }) => bytes),
      incarnation: incarnation?.bytes ?? null,
    };
  }

  certify(
    of: { readonly personId: PersonId; readonly clientId: ClientId },
    publicKey: Uint8Array,
    nowMs: number,
    options: DeviceOptions = {},
  ): Uint8Array {
    return deviceCertificate(this.issuing, of.personId, of.clientId, publicKey, nowMs, options);
  }

  // --- What the roster authority signs ----------------------------------------------------------

  async personDevices(
    personId: PersonId,
    devices: readonly Uint8Array[],
    { number, previous }: Beginning,
    createdMs: number,
  ) {
    const person = fromHex(personId);
    const values = { person, number, previous, created: createdMs, devices };
    return PersonDevicesFormat.sign(values, this.authority.keys.privateKey);
  }

  card(personId: PersonId, values: CardValues) {
    const { number, createdMs, path } = values;
    const words = {
      ...{ names: inScripts(values.names), rank: inScripts(values.rank) },
      ...{ post: inScripts(values.post), unit: inScripts(values.unit) },
    };
    return PersonCardFormat.sign(
      { ...words, number, path, created: createdMs, person: fromHex(personId) },
      this.authority.keys.privateKey,
    );
  }

  head(values: HeadValues): Promise<RosterHead> {
    return RosterHeadFormat.sign(values, this.authority.keys.privateKey);
  }

  stamp(head: RosterHead, timeMs: number): Promise<HeadStamp> {
    const { conversation, hash } = head;
    const values = { conversation, head: hash, time: timeMs };
    return HeadStampFormat.sign(values, this.authority.keys.privateKey);
  }

  incarnation(number: number, createdMs: number): Promise<Incarnation> {
    const values = { created: createdMs, number };
    return IncarnationFormat.sign(values, this.authority.keys.privateKey);
  }

  time(nonce: string, timeMs: number, log: TreeHead = { size: 0, root: ZEROS }) {
    const { size: logSize, root: logRoot } = log;
    const values = { nonce: fromHex(nonce), time: timeMs, logSize, logRoot };
    return TimeFormat.sign(values, this.authority.keys.privateKey);
  }

  /** The roster authority's own revocation. */
  revokeByAuthority(
    device: Uint8Array,
    lostAtMs: number,
    createdMs: number,
    standing: readonly Uint8Array[] = [],
  ) {
    const values = { device, lostAt: lostAtMs, created: createdMs, signer: ZEROS };
    return RevocationFormat.sign(
      { ...values, standing: [...standing].sort(compareBytes) },
      this.authority.keys.privateKey,
    );
  }
}

// --- What devices sign ----------------------------------------------------------------------------

export function endorse(
  by: Signer,
  endorsed: Uint8Array,
  kind: "own device" | "admin",
  createdMs: number,
) {
  const values = { endorsed, endorser: by.deviceBytes, created: createdMs };
  const number = kind === "admin" ? BY_ADMIN : OWN_DEVICE;
  return EndorsementFormat.sign({ ...values, kind: number }, by.keys.privateKey);
}

export function grant(
  by: Signer,
  personId: PersonId,
  path: string,
  createdMs: number,
  lastsMs = 90 * DAY_MS,
) {
  const times = { created: createdMs, notAfter: createdMs + lastsMs };
  const values = { grantor: by.deviceBytes, person: fromHex(personId), ...times, path };
  return GrantFormat.sign(values, by.keys.privateKey);
}

export function revoke(
  by: Signer,
  device: Uint8Array,
  lostAtMs: number,
  createdMs: number,
  standing: readonly Uint8Array[] = [],
) {
  const values = { device, lostAt: lostAtMs, created: createdMs, signer: by.deviceBytes };
  return RevocationFormat.sign(
    { ...values, standing: [...standing].sort(compareBytes) },
    by.keys.privateKey,
  );
}

/** A signer's device id as the wire writes it. */
export function deviceHex(bytes: Uint8Array): DeviceId {
  return toHex(bytes) as DeviceId;
}
