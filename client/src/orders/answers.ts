/** Sealing answers to an order's readers, and opening them there. */
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import { idOf } from "../ids.ts";
import type { ConversationId, DeviceId, MessageId, PersonId } from "../ids.ts";
import { AcknowledgementFormat, OWN, checkAcknowledgement } from "../keys/acknowledgement.ts";
import type { Acknowledgement } from "../keys/acknowledgement.ts";
import { ANSWER_SEALS, openAnswer, parseAnswer, sealAnswer } from "../keys/answer.ts";
import type { AnswerPlace } from "../keys/answer.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { X25519, XWING } from "../keys/hpke.ts";
import type { Kem } from "../keys/hpke.ts";
import { fromHex, randomBytes } from "../octets.ts";

/** The order that acknowledgements name. */
export interface NamedOrder {
  readonly conversationId: ConversationId;
  readonly orderId: MessageId;
  readonly headerHash: Uint8Array;
}

export function answerPlace(order: NamedOrder, device: Uint8Array): AnswerPlace {
  return {
    conversation: fromHex(order.conversationId),
    messageId: fromHex(order.orderId),
    headerHash: order.headerHash,
    device,
  };
}

/**
 * An answer sealed to the confirmed devices of these people, the issuer first. Rejects with `network`
 * where the server is needed and cannot be reached, with `answer_unreadable` where none of the
 * issuer's devices can be sealed to.
 */
export async function sealToReaders(
  context: DeviceContext,
  order: NamedOrder,
  issuerId: PersonId,
  readers: readonly PersonId[],
  text: string,
): Promise<Uint8Array> {
  const { trust, identity } = context;
  const people = [issuerId, ...readers.filter((one) => one !== issuerId)];
  await trust.ensure(people, { keys: true, fresh: true });
  const newest = await Promise.all(people.map((one) => keysOf(context, one, XWING)));
  const hybrid = (newest[0]?.length ?? 0) > 0;
  const lists = hybrid
    ? newest
    : await Promise.all(people.map((one) => keysOf(context, one, X25519)));
  if ((lists[0]?.length ?? 0) === 0) throw failure("answer_unreadable", { retry: true });
  const keys = lists.flat().slice(0, ANSWER_SEALS);
  return sealAnswer(answerPlace(order, identity().deviceBytes), text, keys, randomBytes(32));
}

async function keysOf(
  { trust, time }: DeviceContext,
  personId: PersonId,
  kem: Kem,
): Promise<readonly DeviceKey[]> {
  if (kem < trust.department.lowestKem) return [];
  const keys: DeviceKey[] = [];
  for (const device of await trust.devicesOf(personId)) {
    const { confirmed } = await trust.verdict(personId, device, time.requireNow());
    if (confirmed === "no") continue;
    try {
      keys.push(await trust.deviceKey(personId, device, kem));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return keys;
}

export interface ReadRecord {
  readonly acknowledgement: Acknowledgement;
  readonly personId: PersonId;
  /** Null: there is none, or this device cannot open it. */
  readonly answer: string | null;
  /** There is no answer, or it is opened here. */
  readonly readable: boolean;
}

/**
 * An acknowledgement as the server hands it out: checked for its order (O1), its answer opened where it
 * is sealed to a key of this device. Device keys are forgotten 48 h after their weekly renewal: keep
 * what was opened. `toldBy`: who told the person and signed it. Throws Refused for a record that is not
 * genuine.
 */
export async function readAnswer(
  context: DeviceContext,
  order: NamedOrder & { readonly choices: number },
  record: Uint8Array,
  answer: Uint8Array | null,
  toldBy: PersonId | null = null,
): Promise<ReadRecord> {
  const { trust, ownKeys } = context;
  const acknowledgement = AcknowledgementFormat.parse(record, "O1");
  const personId = idOf<PersonId>(acknowledgement.person);
  const device = idOf<DeviceId>(acknowledgement.device);
  const own = acknowledgement.told === OWN;
  refuseUnless(own === (toldBy === null), "O1", "signed by another person");
  const signerId = toldBy ?? personId;
  await trust.ensure([personId, signerId]);
  const certificate = await trust.certificateOf(signerId, device);
  if (certificate === null) throw new Refused("O1", "the signer's device is unknown");
  const named = {
    conversation: fromHex(order.conversationId),
    messageId: fromHex(order.orderId),
    headerHash: order.headerHash,
    choices: order.choices,
  };
  await checkAcknowledgement(acknowledgement, named, answer, certificate.publicKey);
  if (answer === null) return { acknowledgement, personId, answer: null, readable: true };
  const sealed = parseAnswer(answer);
  for (const keyId of sealed.keyIds) {
    const opener = await ownKeys.opener(keyId);
    if (opener === null) continue;
    const place = answerPlace(order, acknowledgement.device);
    const text = await openAnswer(sealed, place, opener);
    return { acknowledgement, personId, answer: text, readable: true };
  }
  return { acknowledgement, personId, answer: null, readable: false };
}
