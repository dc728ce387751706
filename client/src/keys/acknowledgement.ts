/**
 * Acknowledgement of an order (docs/keys.md): somebody has an order, and chose. It names the order by
 * message id and H(header ‖ signature), so that it proves that its signer had this text and no other. One
 * with the choice UNREADABLE says that the person cannot read the order.
 */
import { RecordFormat, bytes, integer, type RecordOf } from "./format/record.ts";
import { refuseUnless } from "./format/refused.ts";
import { hash } from "./format/hashing.ts";
import { ORDER_CHOICES, ORDER_ITEMS, UNREADABLE } from "../limits.ts";
import { idOf, type PersonId } from "../ids.ts";
import { equalBytes } from "../octets.ts";
import type { Certificate } from "./trust/device-certificate.ts";

export const OWN = 0;
/** The signer told the person. */
export const TOLD_IN_PERSON = 1;

export const AcknowledgementFormat = new RecordFormat(
  { label: "copconnect acknowledgement v4", rule: "O1", version: 4 },
  {
    conversation: bytes(16),
    messageId: bytes(16),
    /** H(header ‖ signature) of the order. */
    headerHash: bytes(32),
    /** The same of the message whose text it answers: the order's, or a correction's. */
    textHash: bytes(32),
    device: bytes(32),
    /** The person it is about. */
    person: bytes(16),
    told: integer(1),
    /** 0: none; UNREADABLE; otherwise its place in the order's list, from 1. */
    choice: integer(1),
    /** Items of the order's checklist that are done: bit n - 1 for the nth. */
    done: integer(2),
    /** H of the sealed answer; zeros: none. */
    answerHash: bytes(32),
    /** H of the sealed photo that the order asks for; zeros: none. */
    photoHash: bytes(32),
    created: integer(8),
  },
);
export type Acknowledgement = RecordOf<typeof AcknowledgementFormat>;

/** The hash by which a record names a sealed answer or photo; null: none. */
export function sealedHash(sealed: Uint8Array | null): Uint8Array {
  return sealed === null ? new Uint8Array(32) : hash(sealed);
}

/** Whether a record names a sealed answer or photo by this hash. */
export function namesSealed(hash: Uint8Array): boolean {
  return hash.some((byte) => byte !== 0);
}

/**
 * Check an acknowledgement that the server handed out, for its order (O1). `signer`: the certificate of
 * the record's device, confirmed when it signed. Throws Refused.
 */
export async function checkAcknowledgement(
  record: Acknowledgement,
  order: {
    readonly conversation: Uint8Array;
    readonly messageId: Uint8Array;
    readonly headerHash: Uint8Array;
    readonly choices: number;
    readonly items: number;
    /** It asks for one. */
    readonly photo: boolean;
    /** By which acknowledgements name its texts. */
    readonly texts: readonly Uint8Array[];
  },
  sealed: Pick<Acknowledgement, "answerHash" | "photoHash">,
  signer: Pick<Certificate, "person" | "publicKey">,
): Promise<void> {
  requireAcknowledgementValues(record);
  const same =
    equalBytes(record.conversation, order.conversation) &&
    equalBytes(record.messageId, order.messageId) &&
    equalBytes(record.headerHash, order.headerHash);
  refuseUnless(same, "O1", "another order's acknowledgement");
  const read = order.texts.some((hash) => equalBytes(hash, record.textHash));
  refuseUnless(read, "O1", "the order has no such text");
  const known = record.choice === UNREADABLE || record.choice <= order.choices;
  refuseUnless(known, "O1", "the order has no such choice");
  refuseUnless(record.done < 1 << order.items, "O1", "the order has no such item");
  refuseUnless(equalBytes(record.answerHash, sealed.answerHash), "O1", "not the signed answer");
  refuseUnless(equalBytes(record.photoHash, sealed.photoHash), "O1", "not the signed photo");
  const asked = order.photo || !namesSealed(record.photoHash);
  refuseUnless(asked, "O1", "the order asks for no photo");
  const told = record.told === TOLD_IN_PERSON;
  const own = signer.person === idOf<PersonId>(record.person);
  refuseUnless(told !== own, "O1", told ? "tells its own signer" : "signed by another person");
  await AcknowledgementFormat.verify(record, signer.publicKey);
}

export function requireAcknowledgementValues(record: Acknowledgement): void {
  const { told, choice, done, photoHash } = record;
  refuseUnless(told <= TOLD_IN_PERSON, "O1", "told neither by itself nor in person");
  const unreadable = choice === UNREADABLE && told === OWN;
  refuseUnless(unreadable || choice <= ORDER_CHOICES, "O1", "more choices than an order may have");
  refuseUnless(done < 1 << ORDER_ITEMS, "O1", "more items than an order may have");
  const said = told === OWN && !unreadable;
  refuseUnless(said || done === 0, "O1", "items done by somebody who did not say so");
  refuseUnless(said || !namesSealed(photoHash), "O1", "a photo by somebody who did not say so");
}
