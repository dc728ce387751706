/** Sealing answers to an order's readers. */
import type { DeviceContext } from "../context.ts";
import { failure } from "../failure.ts";
import type { ConversationId, MessageId, PersonId } from "../ids.ts";
import { ANSWER_SEALS, sealAnswer } from "../keys/answer.ts";
import type { AnswerPlace } from "../keys/answer.ts";
import type { DeviceKey } from "../keys/device-key.ts";
import { Refused } from "../keys/format/refused.ts";
import { X25519, XWING } from "../keys/hpke.ts";
import type { Kem } from "../keys/hpke.ts";
import { fromHex, randomBytes } from "../octets.ts";

/** The order that acknowledgements name. */
export interface NamedOrder {
  readonly conversationId: ConversationId;
  readonly orderId: MessageId;
  readonly headerHash: Uint8Array;
}

/** The order and the device that an acknowledgement names, and the answer that is sealed beside it. */
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
