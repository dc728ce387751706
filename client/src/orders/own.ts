/** The acknowledgement that the server says counts for this person, verified (O1). */
import type { DeviceContext } from "../context.ts";
import { idOf, type DeviceId, type PersonId } from "../ids.ts";
import {
  AcknowledgementFormat,
  TOLD_IN_PERSON,
  checkAcknowledgement,
} from "../keys/acknowledgement.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import type { Order, OrderTerms } from "../wire.ts";
import { answerPlace, textsOf } from "./answers.ts";
import type { OwnAcknowledgement } from "./record.ts";

/** Null: the server names no acknowledgement, or its record does not verify. */
export async function verifiedOwn(
  { trust, identity }: Pick<DeviceContext, "trust" | "identity">,
  order: Order,
  /** The terms that are signed; the server's where the text is not here. */
  { choices, items, photo }: Pick<OrderTerms, "choices" | "items" | "photo">,
): Promise<OwnAcknowledgement | null> {
  if (order.acknowledgement === null) return null;
  const { record: bytes, signerId } = order.acknowledgement;
  try {
    const record = AcknowledgementFormat.parse(bytes);
    const { personId } = identity();
    refuseUnless(idOf<PersonId>(record.person) === personId, "O1", "about another person");
    await trust.ensure([signerId]);
    const device = idOf<DeviceId>(record.device);
    const signer = await trust.confirmedCertificate(signerId, device, record.created, "O1");
    const named = {
      ...answerPlace(order, record.person),
      ...{ choices, items, photo },
      texts: textsOf(order),
    };
    // Its answer and photo are for others to read.
    await checkAcknowledgement(record, named, record, signer);
    return {
      choice: record.choice,
      done: record.done,
      createdMs: record.created,
      firstMs: Math.min(record.created, order.acknowledgement.firstCreatedMs),
      toldBy: record.told === TOLD_IN_PERSON ? signerId : null,
      headerHash: record.headerHash,
      textHash: record.textHash,
      answerHash: record.answerHash,
      photoHash: record.photoHash,
    };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return null;
  }
}
