/**
 * The force of extra.json, to make more records of: certificates and keys come from the file. r1 is
 * the root admin's device; it granted A the city, and A granted S the south. Chain of endorsements:
 * r1 → a1 → s1 → b1 → b2 (own device).
 */
import { hash, ZEROS } from "#core/keys/format/hashing.ts";
import type { DeviceId, PersonId } from "#core/ids.ts";
import { DAY_MS } from "#core/keys/format/times.ts";
import { fromHex, type Bytes, compareBytes } from "#core/octets.ts";
import { Judge } from "#core/keys/trust/confirmed.ts";
import { DepartmentFormat, type Department } from "#core/keys/trust/department.ts";
import { EndorsementFormat, type Endorsement } from "#core/keys/trust/endorsement.ts";
import { GrantFormat } from "#core/keys/trust/grant.ts";
import { PersonDevicesFormat, type PersonDevices } from "#core/keys/trust/person-devices.ts";
import { RevocationFormat } from "#core/keys/trust/revocation.ts";
import { TrustRecords } from "#core/keys/trust/trust-records.ts";
import { at, read } from "./vectors.ts";

interface File {
  readonly now: number;
  readonly root_key: string;
  readonly issuing_key: string;
  readonly authority_key: string;
  readonly root_seed: string;
  readonly authority_seed: string;
  readonly people: Readonly<Record<string, string>>;
  readonly devices: Readonly<
    Record<string, { device: DeviceId; certificate: string; signature_seed: string }>
  >;
  readonly records: Readonly<Record<string, { kind: string; record: string }>>;
}

export const FILE = JSON.parse(read("extra.json")) as File;
export const AUTHORITY_SEED = fromHex(FILE.authority_seed);
export const NOW = FILE.now;
export const CITY = "telangana/hyderabad";
export const SOUTH = `${CITY}/south`;

/** The start of a day; 0 is now. */
export const day = (number: number): number => NOW + number * DAY_MS;
export const device = (name: string) => at(FILE.devices, name).device as DeviceId;
export const deviceBytes = (name: string) => fromHex(device(name));
export const person = (name: string) => at(FILE.people, name) as PersonId;
export const seedOf = (name: string) => fromHex(at(FILE.devices, name).signature_seed);
export const recordOf = (name: string): Bytes => fromHex(at(FILE.records, name).record);

const CHAIN = ["r1 a1", "r1 A", "a1 s1", "a1 S", "s1 b1", "b1 b2"];

export interface Without {
  /** Records of the base that are not known. */
  readonly without?: readonly string[];
  /** Devices whose certificates are not known. */
  readonly uncertified?: readonly string[];
  readonly departments?: readonly string[];
}

/** The base of extra.json, less some of it. */
export async function force(options: Without = {}): Promise<Judge> {
  const records = new TrustRecords(fromHex(FILE.root_key));
  records.addIssuingKey(fromHex(FILE.issuing_key));
  for (const name of options.departments ?? ["department 1", "department 2"])
    await records.addDepartment(recordOf(name));
  for (const [name, { certificate }] of Object.entries(FILE.devices))
    if (options.uncertified?.includes(name) !== true)
      await records.addCertificate(fromHex(certificate));
  const known = (name: string): boolean => options.without?.includes(name) !== true;
  for (const name of Object.keys(FILE.people)) {
    if (known(`card ${name}`)) await records.addCard(recordOf(`card ${name}`));
    if (known(`devices ${name}`)) await records.addPersonDevices(recordOf(`devices ${name}`));
  }
  for (const name of CHAIN.filter(known)) {
    if (at(FILE.records, name).kind === "Grant") await records.addGrant(recordOf(name));
    else await records.addEndorsement(recordOf(name));
  }
  return new Judge(records);
}

export function department(changes: Partial<Department>): Promise<Department> {
  const newest = DepartmentFormat.parse(recordOf("department 2"));
  return DepartmentFormat.sign({ ...newest, number: 3, ...changes }, fromHex(FILE.root_seed));
}

export function devicesRecord(
  of: string,
  names: readonly string[],
  changes: Partial<PersonDevices> = {},
): Promise<PersonDevices> {
  const devices = names.map(deviceBytes);
  const first = { person: fromHex(person(of)), number: 1, previous: ZEROS, created: day(-60) };
  return PersonDevicesFormat.sign({ ...first, devices, ...changes }, AUTHORITY_SEED);
}

export function endorsement(
  by: string,
  of: string,
  atDay: number,
  kind: number,
): Promise<Endorsement> {
  const values = {
    endorsed: deviceBytes(of),
    endorser: deviceBytes(by),
    kind,
    created: day(atDay),
  };
  return EndorsementFormat.sign(values, seedOf(by));
}

export async function grant(
  by: string,
  to: string,
  path: string,
  atDay: number,
  days: number,
): Promise<Bytes> {
  const values = {
    grantor: deviceBytes(by),
    person: fromHex(person(to)),
    created: day(atDay),
    notAfter: day(atDay + days),
    path,
  };
  return (await GrantFormat.sign(values, seedOf(by))).bytes;
}

/** `by` null: the roster authority. */
export async function revocation(
  by: string | null,
  of: string,
  atDay: number,
  lostDay: number,
  standing: readonly string[] = [],
): Promise<Bytes> {
  const values = {
    device: deviceBytes(of),
    lostAt: day(lostDay),
    created: day(atDay),
    signer: by === null ? ZEROS : deviceBytes(by),
    standing: standing.map((name) => hash(recordOf(name))).sort(compareBytes),
  };
  const key = by === null ? AUTHORITY_SEED : seedOf(by);
  return (await RevocationFormat.sign(values, key)).bytes;
}
