/**
 * The vault's row of one person: every record that was served about them and not refused, as
 * bytes. Pure. Merging never loses a record, so a server that leaves one out takes nothing back.
 */
import { toHex } from "../octets.ts";
import type { PersonId } from "../ids.ts";
import type { PersonTrust } from "../wire.ts";

export const PERSON_TRUST_STORE = "person_trust";
/** Row: the person of a device, by device; for finding whoever endorsed or granted. */
export const DEVICE_PEOPLE_STORE = "device_people";

/** Records of each kind beyond this are left out: a server could fill the disk with them. */
const MOST_RECORDS = 512;

export interface PersonRow {
  readonly personId: PersonId;
  /** The server's version of the records without and with DeviceKeys; 0: never asked. */
  readonly version: number;
  readonly keysVersion: number;
  /** The newest PersonDevices that was accepted. */
  readonly devices: Uint8Array | null;
  readonly certificates: readonly Uint8Array[];
  readonly cards: readonly Uint8Array[];
  readonly endorsements: readonly Uint8Array[];
  readonly grants: readonly Uint8Array[];
  readonly revocations: readonly Uint8Array[];
  /** The newest accepted DeviceKey of each device and KEM: generations never go back (S3). */
  readonly keys: readonly Uint8Array[];
}

export function emptyRow(personId: PersonId): PersonRow {
  return {
    personId,
    version: 0,
    keysVersion: 0,
    devices: null,
    certificates: [],
    cards: [],
    endorsements: [],
    grants: [],
    revocations: [],
    keys: [],
  };
}

/** The kinds of records that are kept in lists, all of them for ever. */
export const KEPT_KINDS = [
  "certificates",
  "cards",
  "endorsements",
  "grants",
  "revocations",
] as const;
export type KeptKind = (typeof KEPT_KINDS)[number];

/** The served records of a kind that the row lacks. */
export function newRecords(
  row: PersonRow,
  bundle: PersonTrust,
  kind: KeptKind,
): readonly Uint8Array[] {
  if (bundle[kind].length === 0) return [];
  const held = new Set(row[kind].map(toHex));
  const room = MOST_RECORDS - row[kind].length;
  return bundle[kind].filter((record) => !held.has(toHex(record))).slice(0, Math.max(0, room));
}
