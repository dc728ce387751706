/**
 * How a device names the answer about a person that it holds (docs/protocol.md): by the records in
 * it, so that no statement of the server replaces records that are missing. Pure.
 */
import { hash } from "../keys/format/hashing.ts";
import { equalBytes, type Bytes, compareBytes } from "../octets.ts";
import type { PersonTrust } from "../wire.ts";

/** The name of no answer. */
export const NO_ANSWER: Bytes = new Uint8Array(0);

/** H over the hashes of the distinct records, ascending. */
export function nameOf(records: readonly Uint8Array[]): Bytes {
  const hashes = records.map((record) => hash(record)).sort(compareBytes);
  const distinct = hashes.filter(
    (one, at) => at === 0 || !equalBytes(one, hashes[at - 1] as Bytes),
  );
  return hash(...distinct);
}

/** The name of an answer; its DeviceKeys count where they were asked for. */
export function nameOfAnswer(bundle: PersonTrust, keys: boolean): Bytes {
  const { devices, certificates, cards, endorsements, grants, revocations } = bundle;
  return nameOf([
    ...[...devices, ...certificates, ...cards, ...endorsements, ...grants, ...revocations],
    ...(keys ? bundle.keys : []),
  ]);
}
