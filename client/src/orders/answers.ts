/** Sealing answers to an order's readers. */
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import type { ConversationId, MessageId, PersonId } from "../ids.ts";
import { ANSWER_SEALS, type AnswerPlace } from "../keys/answer.ts";
import type { SealTarget } from "../keys/device-key.ts";
import { X25519, XWING } from "../keys/hpke.ts";
import { fromHex, randomBytes } from "../octets.ts";
import type { Order } from "../wire.ts";
import { deviceKeysOf, fetchKeys, takenInTurn } from "../secrets/people-keys.ts";

/** The order that acknowledgements name. */
export interface NamedOrder {
  readonly conversationId: ConversationId;
  readonly orderId: MessageId;
  readonly headerHash: Uint8Array;
}

/** By which acknowledgements name the texts of an order, as the server says. */
export function textsOf({ texts }: Pick<Order, "texts">): readonly Uint8Array[] {
  return texts.map(({ headerHash }) => headerHash);
}

/** The order and the person that an acknowledgement names, and the place of what is sealed beside it. */
export function answerPlace(order: NamedOrder, person: Uint8Array): AnswerPlace {
  return {
    conversation: fromHex(order.conversationId),
    messageId: fromHex(order.orderId),
    headerHash: order.headerHash,
    person,
  };
}

/**
 * An answer or a photo sealed to the confirmed devices of these people, the issuer first. Rejects with `network`
 * where the server is needed and cannot be reached, with `answer_unreadable` where none of the
 * issuer's devices can be sealed to.
 */
export async function sealToReaders(
  context: DeviceContext,
  order: NamedOrder,
  issuerId: PersonId,
  readers: readonly PersonId[],
  seal: (
    place: AnswerPlace,
    keys: readonly SealTarget[],
    secret: Uint8Array,
  ) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const people = [issuerId, ...readers.filter((one) => one !== issuerId)];
  await fetchKeys(context, people);
  const newest = await Promise.all(people.map((one) => deviceKeysOf(context, one, XWING)));
  const hybrid = (newest[0]?.length ?? 0) > 0;
  const lists = hybrid
    ? newest
    : await Promise.all(people.map((one) => deviceKeysOf(context, one, X25519)));
  if ((lists[0]?.length ?? 0) === 0) throw failure("answer_unreadable", { retry: true });
  const keys = takenInTurn(lists, ANSWER_SEALS);
  return seal(answerPlace(order, fromHex(context.identity().personId)), keys, randomBytes(32));
}
