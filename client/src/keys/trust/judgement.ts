/**
 * Questions that the three parts of judging ask of each other: endorsements (confirmed.ts), grants
 * (granted.ts) and revocations (standing.ts). Each question is about verified records alone.
 *
 * Judging ends, because the person who endorsed or granted must have been confirmed strictly
 * before; and it ends soon, because {@link Memory.step} counts: many records that endorse each
 * other would otherwise keep a device busy.
 */
import type { DeviceId, PersonId } from "../../ids.ts";
import type { Certificate } from "./device-certificate.ts";
import type { Memory } from "./memory.ts";
import type { Revocation } from "./revocation.ts";
import type { TrustRecords } from "./trust-records.ts";

/** Later than any time. */
export const EVER = Number.POSITIVE_INFINITY;
export const NOBODY: ReadonlySet<DeviceId> = new Set();

/** The origin of a grant's right. */
export interface GrantChain {
  /** How many grants below a root admin's device. */
  readonly links: number;
  /** The grantors' people. */
  readonly above: ReadonlySet<PersonId>;
}

/** Devices whose word does not count, because the question is about them. */
export type Without = ReadonlySet<DeviceId>;

export interface Judgement {
  readonly records: TrustRecords;
  readonly memory: Memory;
  /** Whether a device was confirmed before a time. */
  confirmedBefore(device: DeviceId, atMs: number, without: Without): boolean;
  /** The certificate of a device whose endorsement or grant, made at that time, counts. */
  signerAt(device: DeviceId, hash: Uint8Array, atMs: number, without: Without): Certificate | null;
  /** The chains of the grants to a person that are in force over a unit path. */
  grantsOver(person: PersonId, path: string, atMs: number): readonly GrantChain[];
  /** Whether a revocation counts. */
  counts(revocation: Revocation): boolean;
}

/** Whether the record in force then names the device as a root admin's. */
export function isRootAdmin(records: TrustRecords, device: Uint8Array, atMs: number): boolean {
  return records
    .departmentAt(atMs)
    .admins.some((admin) => admin.every((byte, at) => byte === device[at]));
}
