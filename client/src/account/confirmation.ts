/**
 * E3 as a state machine: two devices compare six digits before one endorses the other. Pure.
 *
 *     confirming device                          new device
 *     begun    commitment stored, then sent
 *                                                (asked)  no row: its person is shown the name
 *                                                person taps the name
 *                                                begun    answer stored, then sent
 *     digits   answer seen, secret revealed
 *                                                digits   secret checked against the commitment
 *     person types what the new device shows
 *     confirmed  endorsement sent                confirmed  by its own verdict (E0)
 *
 * `refused`: the digits were wrong too often, or the secret was not what was committed to. `over`:
 * expired, cancelled, or no longer known to the server. Each side's half is stored before it is sent
 * and never changes, so every step may be repeated after a crash. The server passes halves on and
 * decides nothing; one that exchanges a half or a device makes the digits differ.
 *
 * The new device has a half only in a row, and a row only by a tap (confirmations.ts): a server with a
 * ghost would otherwise collect answers until the digits of two comparisons are equal. A scanned code
 * of both devices takes the place of digits.
 */
import type { ConfirmationId, DeviceId, PersonId } from "../ids.ts";
import { equalBytes, fromHex, toBase64 } from "../octets.ts";
import {
  SAS_SECRET_BYTES,
  comparedDigits,
  devicesCode,
  digitsCommitment,
} from "../keys/trust/digits.ts";
import type { Confirmation, SubmitEndorsement } from "../wire.ts";

export type ConfirmationState = "begun" | "digits" | "confirmed" | "refused" | "over";

interface ConfirmationBase {
  readonly confirmationId: ConfirmationId;
  /** The device at the other end, and the person whom the server names as its owner. */
  readonly device: DeviceId;
  readonly personId: PersonId;
  readonly commitment: Uint8Array;
  readonly state: ConfirmationState;
  /** By the department's time on the confirming device, by its own clock on the new one. */
  readonly expiresMs: number;
}

export interface ConfirmingRow extends ConfirmationBase {
  readonly role: "confirming";
  /** E3's a, and b once it came. */
  readonly secret: Uint8Array;
  readonly answer: Uint8Array | null;
  /** The digits were right. The endorsement is sent until the server has it. */
  readonly matched: boolean;
  readonly endorsement: SubmitEndorsement | null;
}

export interface NewDeviceRow extends ConfirmationBase {
  readonly role: "new";
  /** E3's b, and a once it came. */
  readonly answer: Uint8Array;
  readonly secret: Uint8Array | null;
}

export type ConfirmationRow = ConfirmingRow | NewDeviceRow;

/** A device's next step. */
export type Step = "begin" | "answer" | "reveal" | "endorse" | null;

export interface NextStep {
  readonly row: ConfirmationRow;
  readonly step: Step;
}

export function isOpen({ state }: ConfirmationRow): boolean {
  return state === "begun" || state === "digits";
}

function isMatched(row: ConfirmationRow): boolean {
  return row.role === "confirming" && row.matched;
}

/** The row as the time leaves it; null: no time is known yet. */
export function atTime(row: ConfirmationRow, nowMs: number | null): ConfirmationRow {
  const ended = nowMs !== null && nowMs >= row.expiresMs;
  return isOpen(row) && !isMatched(row) && ended ? { ...row, state: "over" } : row;
}

/** Apply the server's state of a comparison; null: the server does not list it. */
export function follow(row: ConfirmationRow, served: Confirmation | null): NextStep {
  if (!isOpen(row)) return { row, step: null };
  if (isMatched(row)) return { row, step: "endorse" };
  if (served === null) return unlisted(row);
  return row.role === "confirming" ? followConfirming(row, served) : followNew(row, served);
}

function unlisted(row: ConfirmationRow): NextStep {
  // The confirming device stores before it sends: what the server never had is sent again.
  if (row.role === "confirming" && row.state === "begun") return { row, step: "begin" };
  return { row: { ...row, state: "over" }, step: null };
}

function followConfirming(row: ConfirmingRow, served: Confirmation): NextStep {
  const answer = row.answer ?? sized(served.answer);
  if (answer === null) return { row, step: null };
  const step = served.secret === null ? "reveal" : null;
  return { row: { ...row, answer, state: "digits" }, step };
}

function followNew(row: NewDeviceRow, served: Confirmation): NextStep {
  if (row.secret !== null) return { row, step: null };
  if (served.answer === null) return { row, step: "answer" };
  const secret = sized(served.secret);
  if (secret === null) return { row, step: null };
  const committed = equalBytes(row.commitment, digitsCommitment(secret, fromHex(row.device)));
  const state = committed ? "digits" : "refused";
  return { row: { ...row, secret, state }, step: null };
}

function sized(half: Uint8Array | null): Uint8Array | null {
  return half?.length === SAS_SECRET_BYTES ? half : null;
}

/** The six digits; null before both halves are there. */
export function digitsOf(
  row: ConfirmationRow,
  ownDevice: DeviceId,
  rootKey: Uint8Array,
): string | null {
  const { answer, commitment, device, role, secret } = row;
  if (secret === null || answer === null || row.state === "refused") return null;
  const [endorser, endorsed] = role === "confirming" ? [ownDevice, device] : [device, ownDevice];
  return comparedDigits({
    ...{ commitment, a: secret, b: answer, rootKey },
    ...{ endorser: fromHex(endorser), endorsed: fromHex(endorsed) },
  });
}

/** The text of the QR code on the new device. */
export function codeOf(endorser: DeviceId, endorsed: DeviceId, rootKey: Uint8Array): string {
  return `${CODE}${toBase64(devicesCode(fromHex(endorser), fromHex(endorsed), rootKey))}`;
}

const CODE = "copconnect:confirm:";

/** Whether this was scanned from a new device, whichever it is. */
export function isCode(text: string): boolean {
  return text.startsWith(CODE);
}

/** The digits in what was typed; null: none. */
export function digitsIn(text: string): string | null {
  const digits = text.replace(/[\s-]/gu, "");
  return /^[0-9]{6}$/u.test(digits) ? digits : null;
}
