/**
 * Answers to an order, opened on a device that they are sealed to. This device forgets its keys 48 h after
 * it renewed them, so an opened answer is kept in the vault, under the hash that its record signs.
 */
import type { DeviceContext } from "../context.ts";
import type { MessageId, PersonId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { openAnswer, parseAnswer } from "../keys/answer.ts";
import { equalBytes } from "../octets.ts";
import { answerPlace } from "../orders/answers.ts";
import { plateOf } from "../people/people.ts";
import type { AnswerItem, AnswersPage } from "../seam/overseeing.ts";
import { judgeOf, type PassingDepartment } from "../trust/passing.ts";
import { META, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import type { Order } from "../wire.ts";
import { isVerified, verifyRecord, type VerifiedRecord } from "./verifying.ts";

export interface AnswersOptions {
  readonly api: Pick<DeviceContext["api"], "order" | "orderRecords">;
  readonly vault: Pick<Vault, "get" | "write">;
  readonly ownKeys: Pick<DeviceContext["ownKeys"], "opener">;
  readonly department: () => PassingDepartment;
}

interface AnswerText {
  /** The hash that the record signs. */
  readonly hash: Uint8Array;
  readonly text: string;
}

/** One page of answers; answers whose records are not genuine are left out. */
export async function readAnswers(
  options: AnswersOptions,
  orderId: MessageId,
  after: string | null,
): Promise<AnswersPage> {
  const { api, department } = options;
  const [order, page] = await Promise.all([
    api.order(orderId),
    api.orderRecords(orderId, { after, trust: true, answered: true }),
  ]);
  const judge = await judgeOf(department(), page.people);
  const answers: AnswerItem[] = [];
  for (const given of page.records) {
    const found = await verifyRecord(given, order, judge);
    if (!isVerified(found)) continue;
    const card = judge.card(found.personId);
    const answer = await answerOf(options, order, found);
    answers.push({
      personId: found.personId,
      plate: card === null ? null : plateOf(found.personId, card),
      choice: found.record.choice,
      createdMs: found.record.created,
      answer,
    });
  }
  return { answers, next: page.next };
}

/** The text of a verified record's answer; null: there is none, or this device cannot open it. */
export async function answerOf(
  { vault, ownKeys }: Pick<AnswersOptions, "vault" | "ownKeys">,
  order: Order,
  { answer, record, personId }: VerifiedRecord,
): Promise<string | null> {
  if (answer === null) return null;
  const key = keptAs(order.orderId, personId);
  const kept = await vault.get<AnswerText>(META, key);
  if (kept !== null && equalBytes(kept.hash, record.answerHash)) return kept.text;
  try {
    const sealed = parseAnswer(answer);
    for (const keyId of sealed.keyIds) {
      const opener = await ownKeys.opener(keyId);
      if (opener === null) continue;
      const text = await openAnswer(sealed, answerPlace(order, record.device), opener);
      await vault.write([putMeta(key, { hash: record.answerHash, text } satisfies AnswerText)]);
      return text;
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  return null;
}

function keptAs(orderId: MessageId, personId: PersonId): string {
  return `order_answer ${orderId} ${personId}`;
}
