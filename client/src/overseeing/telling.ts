/**
 * Told in person: this device signs, for each person, that its own person has told them an order. Each
 * request is repeated with identical bytes; a call that is made again signs again, which is harmless,
 * because one record counts for each person.
 */
import type { DeviceContext } from "../context.ts";
import { fromHex } from "../octets.ts";
import type { MessageId, PersonId } from "../ids.ts";
import { AcknowledgementFormat, TOLD_IN_PERSON, sealedHash } from "../keys/acknowledgement.ts";
import { ACKNOWLEDGEMENTS } from "../limits.ts";
import { answerPlace, textsOf } from "../orders/answers.ts";
import type { ToldOutcome } from "../seam/overseeing.ts";
import type { AcknowledgementItem } from "../wire.ts";

export interface TellingOptions {
  readonly api: Pick<DeviceContext["api"], "order" | "acknowledgeOrder">;
  readonly identity: DeviceContext["identity"];
  readonly time: Pick<DeviceContext["time"], "anchor" | "requireNow">;
}

export async function tellInPerson(
  { api, identity, time }: TellingOptions,
  orderId: MessageId,
  personIds: readonly PersonId[],
): Promise<readonly ToldOutcome[]> {
  const people = [...new Set(personIds)];
  const [order] = await Promise.all([api.order(orderId), time.anchor()]);
  const { deviceBytes, privateKey } = identity();
  const named = {
    device: deviceBytes,
    // A colleague tells the newest text.
    textHash: textsOf(order).at(-1) ?? order.headerHash,
    ...{ told: TOLD_IN_PERSON, choice: 0, done: 0 },
    ...{ answerHash: sealedHash(null), photoHash: sealedHash(null) },
  };
  const told: ToldOutcome[] = [];
  for (let at = 0; at < people.length; at += ACKNOWLEDGEMENTS) {
    const some = people.slice(at, at + ACKNOWLEDGEMENTS);
    const acknowledgements = await Promise.all(
      some.map(async (personId): Promise<AcknowledgementItem> => {
        const place = answerPlace(order, fromHex(personId));
        const values = { ...named, ...place, created: time.requireNow() };
        const { bytes } = await AcknowledgementFormat.sign(values, privateKey);
        return { record: bytes, answer: null, photo: null };
      }),
    );
    const { outcomes } = await api.acknowledgeOrder(orderId, { acknowledgements });
    some.forEach((personId, index) =>
      told.push({ personId, outcome: outcomes[index] ?? "malformed" }),
    );
  }
  return told;
}
