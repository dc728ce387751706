/**
 * Which revocations count, and what of a revoked device's word still counts (E4, E6).
 *
 * Conventions, the same as the server's:
 * - Several revocations of one device all count: it is lost from the earliest on, and what it signed
 *   counts only if each leaves it valid.
 * - If revocations void each other in a circle, the one whose signer ranks higher counts (a root
 *   admin, the roster authority, another person's admin, an own device), then the earlier, then the
 *   lower hash.
 * - A device is above another in a chain if its person is among the grantors of the chain.
 */
import { equalBytes, toHex, compareBytes } from "../../octets.ts";
import { idOf, type DeviceId } from "../../ids.ts";
import { grantsOverPerson } from "./granted.ts";
import { NOBODY, isRootAdmin, type Judgement } from "./judgement.ts";
import { isByAuthority, isFarBack, type Revocation } from "./revocation.ts";

/**
 * Whether an endorsement or grant outlives a revocation of the device that signed it. The signer of
 * the revocation lists what was made before the loss; the date counts too, so that a list made in
 * error revives nothing. The roster authority undoes nothing that was made before its revocation.
 */
export function letsStand(revocation: Revocation, hash: Uint8Array, createdMs: number): boolean {
  if (isByAuthority(revocation)) return createdMs < revocation.created;
  const listed = revocation.standing.some((one) => equalBytes(one, hash));
  return listed && createdMs < revocation.lostAt;
}

/** The earliest time of loss that a counting revocation names; null: the device is not revoked. */
export function lostFrom(judgement: Judgement, device: DeviceId): number | null {
  const counting = judgement.records.revocationsOf(device).filter((one) => judgement.counts(one));
  if (counting.length === 0) return null;
  return Math.min(...counting.map(({ lostAt }) => lostAt));
}

/** Whether somebody other than the roster authority had revoked a device by a time (E4). */
export function isRemoved(judgement: Judgement, device: DeviceId, atMs: number): boolean {
  const made = (one: Revocation): boolean => !isByAuthority(one) && one.created <= atMs;
  return judgement.records.revocationsOf(device).some((one) => made(one) && judgement.counts(one));
}

/** {@link Judgement.counts}: circles are cut here. */
export function judgeRevocation(judgement: Judgement, revocation: Revocation): boolean {
  const { judging } = judgement.memory;
  const place = judging.indexOf(revocation);
  if (place >= 0) {
    judgement.memory.assume(place);
    const circle = judging.slice(place);
    return circle.every((other) => other === revocation || outranks(judgement, revocation, other));
  }
  return judgement.memory.remember("counts", toHex(revocation.hash), () => {
    judging.push(revocation);
    try {
      return judge(judgement, revocation);
    } finally {
      judging.pop();
    }
  });
}

function judge(judgement: Judgement, revocation: Revocation): boolean {
  const { records } = judgement;
  judgement.memory.step();
  if (isByAuthority(revocation)) return !isFarBack(revocation);
  const at = revocation.created;
  const signer = records.certificateAt(idOf(revocation.signer), at);
  const person = records.personOf(idOf(revocation.device));
  if (signer === null || person === null) return false;
  if (isVoid(judgement, revocation)) return false;
  if (!judgement.confirmedBefore(signer.device, at, NOBODY)) return false;
  if (isRootAdmin(records, signer.deviceBytes, at)) return true;
  if (isFarBack(revocation)) return false;
  if (signer.person === person) return true;
  const chains = grantsOverPerson(judgement, signer.person, person, at);
  return chains.length > 0 && !chains.some(({ above }) => above.has(person));
}

/** Whether the signer was lost before it signed. */
function isVoid(judgement: Judgement, { signer, created }: Revocation): boolean {
  return judgement.records.revocationsOf(idOf(signer)).some((other) => {
    const before = isByAuthority(other) ? other.created <= created : other.lostAt < created;
    return before && judgement.counts(other);
  });
}

function outranks(judgement: Judgement, one: Revocation, other: Revocation): boolean {
  const order =
    rank(judgement, one) - rank(judgement, other) ||
    one.created - other.created ||
    compareBytes(one.hash, other.hash);
  return order < 0;
}

function rank({ records }: Judgement, revocation: Revocation): number {
  if (isRootAdmin(records, revocation.signer, revocation.created)) return 0;
  if (isByAuthority(revocation)) return 1;
  const signer = records.personOf(idOf(revocation.signer));
  return signer === records.personOf(idOf(revocation.device)) ? 3 : 2;
}
