/**
 * Judging many people's devices once, for an export: the records that the server sent along are
 * verified, judged and let go, so that 63,000 people fill neither memory nor vault. It knows nothing
 * that the server leaves out; {@link PeopleTrust} remembers, this does not.
 */
import type { DeviceId, PersonId } from "../ids.ts";
import { Judge } from "../keys/trust/confirmed.ts";
import type { Certificate } from "../keys/trust/device-certificate.ts";
import type { PersonCard } from "../keys/trust/person-card.ts";
import { TrustRecords } from "../keys/trust/trust-records.ts";
import type { PersonTrust } from "../wire.ts";
import type { DepartmentTrust } from "./department-trust.ts";
import { HeldKeys } from "./held-keys.ts";
import { emptyRow } from "./person-row.ts";
import { TrustUpdate } from "./trust-update.ts";
import { WaitingRecords } from "./waiting.ts";

export interface PassingJudge {
  /** The certificate of a device that was confirmed at a time (E0). Throws Refused with `rule`. */
  certificateAt(device: DeviceId, atMs: number, rule: string): Certificate;
  card(personId: PersonId): PersonCard | null;
  /** All verified cards, the newest last. */
  cardsOf(personId: PersonId): readonly PersonCard[];
  /** Raw public key of the roster authority that may sign this epoch. Throws Refused (R4). */
  authorityOf(epoch: number): Uint8Array;
  readonly judge: Judge;
}

export type PassingDepartment = Pick<DepartmentTrust, "rootKey" | "departments" | "issuingKeys">;

/** Verify everything in these bundles and judge by it alone. */
export async function judgeOf(
  department: PassingDepartment,
  bundles: readonly PersonTrust[],
): Promise<PassingJudge> {
  const records = new TrustRecords(department.rootKey);
  for (const { bytes } of department.departments) await records.addDepartment(bytes);
  for (const key of department.issuingKeys) records.addIssuingKey(key);
  const judge = new Judge(records);
  const update = new TrustUpdate(records, new HeldKeys(), new WaitingRecords());
  // Each person once: signatures of different people are checked beside each other.
  const people = new Map(bundles.map((bundle) => [bundle.personId, bundle]));
  await update.verify([...people].map(([personId, bundle]) => [emptyRow(personId), bundle]));
  return {
    certificateAt: (device, atMs, rule) => judge.confirmed(device, atMs, rule).certificate,
    card: (personId) => records.card(personId),
    cardsOf: (personId) => records.cardsOf(personId),
    authorityOf: (epoch) => records.authorityOf(epoch, "R4"),
    judge,
  };
}
