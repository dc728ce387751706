/**
 * The vault's row of one person: every record that was served about them and verified, as bytes.
 * Pure. Merging never loses a record, so a server that leaves one out takes nothing back.
 */
import { toHex, type Bytes } from "../octets.ts";
import { NO_ANSWER } from "./naming.ts";
import type { PersonId } from "../ids.ts";

export const PERSON_TRUST_STORE = "person_trust";
/** Row: the person of a device, by device; for finding the person who endorsed or granted. */
export const DEVICE_PEOPLE_STORE = "device_people";

export interface PersonTrustRow {
  readonly personId: PersonId;
  /** The names of the newest answers, without and with DeviceKeys, of which every record is in. */
  readonly answer: Bytes;
  readonly answerWithKeys: Bytes;
  /**
   * When the server was asked for the last answer, to {@link CARD_IN_TIME_MS}: a card that it lacked
   * and that is dated before is refused (E4). Null: not known, by the department's time.
   */
  readonly answeredMs: number | null;
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

export function emptyRow(personId: PersonId): PersonTrustRow {
  return {
    personId,
    answer: NO_ANSWER,
    answerWithKeys: NO_ANSWER,
    answeredMs: null,
    devices: null,
    certificates: [],
    cards: [],
    endorsements: [],
    grants: [],
    revocations: [],
    keys: [],
  };
}

/** Records that the department signs, and records that people's devices sign about others. */
export const STATED_KINDS = ["certificates", "cards"] as const;
export const SIGNED_KINDS = ["endorsements", "grants", "revocations"] as const;
export type SignedKind = (typeof SIGNED_KINDS)[number];

/** The kinds of records that are kept in lists, all of them for ever. */
export const KEPT_KINDS = [...STATED_KINDS, ...SIGNED_KINDS] as const;
export type KeptKind = (typeof KEPT_KINDS)[number];

/** Those records that are not held, each once. */
export function newRecords(
  held: readonly Uint8Array[],
  records: readonly Uint8Array[],
): readonly Uint8Array[] {
  if (records.length === 0) return [];
  const fresh = new Map(records.map((record) => [toHex(record), record]));
  for (const record of held) fresh.delete(toHex(record));
  return [...fresh.values()];
}
