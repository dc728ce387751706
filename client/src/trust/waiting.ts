/**
 * Records about people that wait, in memory, for a certificate of the device that signed them. They
 * take no place of a verified record, and more of them than fit are left out: as long as a record is
 * not verified, no name says that this device holds it, so the server sends it again.
 */
import { toHex } from "../octets.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import type { TrustRecords } from "../keys/trust/trust-records.ts";
import type { KeptKind } from "./person-row.ts";

/** Records that wait about one person. */
const MOST_WAITING = 512;

export interface WaitingRecord {
  readonly kind: KeptKind;
  readonly bytes: Uint8Array;
  readonly signer: DeviceId;
}

export class WaitingRecords {
  readonly #people = new Map<PersonId, Map<string, WaitingRecord>>();

  /** False: the record waits already, or as many as may. */
  add(personId: PersonId, record: WaitingRecord): boolean {
    const waiting = this.#people.get(personId) ?? new Map<string, WaitingRecord>();
    const key = toHex(record.bytes);
    if (waiting.has(key) || waiting.size >= MOST_WAITING) return false;
    this.#people.set(personId, waiting.set(key, record));
    return true;
  }

  /** End the waiting of records whose signer is known by now. Returns the verified ones. */
  settle(records: TrustRecords): ReadonlyMap<PersonId, readonly WaitingRecord[]> {
    const verified = new Map<PersonId, readonly WaitingRecord[]>();
    for (const [personId, waiting] of this.#people) {
      const settled = [...waiting].filter(
        ([, { signer }]) => records.certificatesOf(signer).length > 0,
      );
      for (const [key] of settled) waiting.delete(key);
      if (waiting.size === 0) this.#people.delete(personId);
      const held = settled.map(([, one]) => one).filter(({ bytes }) => records.holds(bytes));
      if (held.length > 0) verified.set(personId, held);
    }
    return verified;
  }
}
