/**
 * The people behind a person: people whose devices signed an endorsement, grant or revocation of
 * that person. Records name devices; `device_people` says whose they are.
 */
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import type { Vault } from "../vault/vault.ts";
import { EndorsementFormat } from "../keys/trust/endorsement.ts";
import { GrantFormat } from "../keys/trust/grant.ts";
import {
  DEVICE_PEOPLE_STORE,
  SIGNED_KINDS,
  type PersonTrustRow,
  type SignedKind,
} from "./person-row.ts";
import { RevocationFormat, isByAuthority } from "../keys/trust/revocation.ts";
import type { TrustRecords } from "../keys/trust/trust-records.ts";

/** Records about a person that devices signed: of a row, or of an answer. */
type PersonRecords = Pick<PersonTrustRow, "personId" | SignedKind>;

export class Signers {
  readonly #vault: Pick<Vault, "get">;
  readonly #records: TrustRecords;
  readonly #people = new Map<DeviceId, PersonId>();
  /** People whose verdicts may rest on a person's. */
  readonly #dependents = new Map<PersonId, Set<PersonId>>();

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

  /** The people whose devices signed something about these; unknown people are left out. */
  async peopleBehind(rows: readonly PersonRecords[]): Promise<readonly PersonId[]> {
    const found = new Set<PersonId>();
    for (const row of rows) {
      for (const device of signersOf(row)) {
        const person = await this.personOf(device);
        if (person === null || person === row.personId) continue;
        found.add(person);
        const dependents = this.#dependents.get(person) ?? new Set();
        this.#dependents.set(person, dependents.add(row.personId));
      }
    }
    return [...found];
  }

  /** These people, and everybody whose verdicts may rest on theirs. */
  dependentsOf(people: Iterable<PersonId>): readonly PersonId[] {
    const found = new Set(people);
    for (const person of found)
      for (const one of this.#dependents.get(person) ?? []) found.add(one);
    return [...found];
  }
}

function signersOf(row: PersonRecords): ReadonlySet<DeviceId> {
  const signers = new Set<DeviceId>();
  for (const kind of SIGNED_KINDS)
    for (const bytes of row[kind]) {
      try {
        const signer = signerOf(kind, bytes);
        if (signer !== null) signers.add(signer);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
  return signers;
}

/** The device that signed a record; null: the roster authority. Throws Refused. */
export function signerOf(kind: SignedKind, bytes: Uint8Array): DeviceId | null {
  switch (kind) {
    case "endorsements":
      return idOf<DeviceId>(EndorsementFormat.parse(bytes).endorser);
    case "grants":
      return idOf<DeviceId>(GrantFormat.parse(bytes).grantor);
    case "revocations": {
      const revocation = RevocationFormat.parse(bytes);
      return isByAuthority(revocation) ? null : idOf<DeviceId>(revocation.signer);
    }
  }
}
