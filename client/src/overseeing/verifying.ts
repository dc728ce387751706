/**
 * Verifying the records of an order that the server hands out (O1): each is of this order, and signed by
 * a device that was confirmed when it signed, of the person that it is about or of somebody who told
 * them. A record that fails is listed, never counted.
 */
import { toHex } from "../octets.ts";
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import {
  AcknowledgementFormat,
  TOLD_IN_PERSON,
  sealedHash,
  checkAcknowledgement,
  type Acknowledgement,
} from "../keys/acknowledgement.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { answerPlace, textsOf } from "../orders/answers.ts";
import type { PassingJudge } from "../trust/passing.ts";
import type { Order, OrderRecord, SealedPhoto } from "../wire.ts";

export interface VerifiedRecord {
  readonly record: Acknowledgement;
  readonly personId: PersonId;
  readonly signerId: PersonId;
  readonly told: boolean;
  /** DER of the certificate that proves the signing device. */
  readonly certificate: Uint8Array;
  readonly receivedMs: number;
  /** When the person first acknowledged what is asked, by the server's word: no later than the record. */
  readonly acknowledgedMs: number;
  /** The sealed answer that the record names. */
  readonly answer: Uint8Array | null;
  /** The same of the photo, with the attachment that the server has for it. */
  readonly photo: SealedPhoto | null;
}

export interface Refusal {
  /** Null where the record names nobody. */
  readonly personId: PersonId | null;
  readonly reason: string;
}

/** The record, verified, or why it is not. Never throws for a record. */
export async function verifyRecord(
  given: OrderRecord,
  order: Order,
  judge: PassingJudge,
): Promise<VerifiedRecord | Refusal> {
  let personId: PersonId | null = null;
  try {
    const record = AcknowledgementFormat.parse(bytesOf(given.record));
    personId = idOf<PersonId>(record.person);
    const named = {
      ...answerPlace(order, record.person),
      choices: order.terms.choices,
      items: order.terms.items,
      photo: order.terms.photo,
      texts: textsOf(order),
    };
    const device = idOf<DeviceId>(record.device);
    const certificate = judge.certificateAt(device, record.created, "O1");
    const sealed = {
      answerHash: sealedHash(given.answer),
      photoHash: sealedHash(given.photo?.sealed ?? null),
    };
    await checkAcknowledgement(record, named, sealed, certificate);
    const told = record.told === TOLD_IN_PERSON;
    return {
      ...{ record, personId, told, signerId: certificate.person },
      ...{ certificate: certificate.der, receivedMs: given.receivedMs },
      acknowledgedMs: Math.min(record.created, given.firstCreatedMs),
      answer: given.answer,
      photo: given.photo,
    };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { personId, reason: error.message };
  }
}

function bytesOf(value: unknown): Uint8Array {
  refuseUnless(value instanceof Uint8Array, "O1", "not bytes");
  return value;
}

export function isVerified(found: VerifiedRecord | Refusal): found is VerifiedRecord {
  return "record" in found;
}

export function hashOf({ record }: VerifiedRecord): string {
  return toHex(record.hash);
}
