/**
 * The people behind a person: those whose devices signed an endorsement, grant or revocation of
 * that person. Records name devices; `device_people` says whose they are.
 */
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import type { Vault } from "../vault/vault.ts";
import { EndorsementFormat } from "../keys/trust/endorsement.ts";
import { GrantFormat } from "../keys/trust/grant.ts";
import { DEVICE_PEOPLE_STORE, type PersonRow } from "./person-row.ts";
import { RevocationFormat, isByAuthority } from "../keys/trust/revocation.ts";
import type { TrustRecords } from "../keys/trust/trust-records.ts";

export class Signers {
  readonly #vault: Pick<Vault, "get">;
  readonly #records: TrustRecords;
  readonly #people = new Map<DeviceId, PersonId>();
  /** People whose verdicts may rest on a person's. */
  readonly #dependents = new Map<PersonId, Set<PersonId>>();
  /** People about whom a device signed that nobody has told whose it is. */
  readonly #unresolved = new Set<PersonId>();

  constructor(vault: Pick<Vault, "get">, records: TrustRecords) {
    this.#vault = vault;
    this.#records = records;
  }

  async personOf(device: DeviceId): Promise<PersonId | null> {
    const known = this.#records.personOf(device) ?? this.#people.get(device);
    if (known !== undefined) return known;
    const stored = await this.#vault.get<PersonId>(DEVICE_PEOPLE_STORE, device);
    if (stored !== null) this.#people.set(device, stored);
    return stored;
  }

  /** The people whose devices signed something about these; whoever is not known is left out. */
  async peopleBehind(rows: readonly PersonRow[]): Promise<readonly PersonId[]> {
    const found = new Set<PersonId>();
    for (const row of rows) {
      this.#unresolved.delete(row.personId);
      for (const device of signersOf(row)) {
        const person = await this.personOf(device);
        if (person === null) this.#unresolved.add(row.personId);
        if (person === null || person === row.personId) continue;
        found.add(person);
        const dependents = this.#dependents.get(person) ?? new Set();
        this.#dependents.set(person, dependents.add(row.personId));
      }
    }
    return [...found];
  }

  /** Whether everything about a person is to be asked for again, to learn who signed. */
  isUnresolved(personId: PersonId): boolean {
    return this.#unresolved.has(personId);
  }

  /** These people, and everybody whose verdicts may rest on theirs. */
  dependentsOf(people: Iterable<PersonId>): readonly PersonId[] {
    const found = new Set(people);
    for (const person of found)
      for (const one of this.#dependents.get(person) ?? []) found.add(one);
    return [...found];
  }
}

function signersOf(row: PersonRow): ReadonlySet<DeviceId> {
  const signers = new Set<DeviceId>();
  const add = (records: readonly Uint8Array[], signer: (bytes: Uint8Array) => DeviceId | null) => {
    for (const bytes of records) {
      try {
        const device = signer(bytes);
        if (device !== null) signers.add(device);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
  };
  add(row.endorsements, (bytes) => idOf<DeviceId>(EndorsementFormat.parse(bytes).endorser));
  add(row.grants, (bytes) => idOf<DeviceId>(GrantFormat.parse(bytes).grantor));
  add(row.revocations, (bytes) => {
    const revocation = RevocationFormat.parse(bytes);
    return isByAuthority(revocation) ? null : idOf<DeviceId>(revocation.signer);
  });
  return signers;
}
