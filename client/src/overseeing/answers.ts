/**
 * Answers to an order, opened on a device that they are sealed to. This device forgets its keys 48 h after
 * it renewed them, so an opened answer is kept in the vault, under the hash that its record signs.
 */
import type { DeviceContext } from "../context.ts";
import type { MessageId } from "../ids.ts";
import type { SealOpener } from "../keys/committed.ts";
import { Refused } from "../keys/format/refused.ts";
import { openAnswer, openPhoto, parseAnswer, parsePhoto } from "../keys/answer.ts";
import type { SealedEnvelope } from "../keys/sealed-envelope.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import { equalBytes } from "../octets.ts";
import { answerPlace } from "../orders/answers.ts";
import { readPhoto } from "../orders/photos.ts";
import { plateOf } from "../people/people.ts";
import type { AttachmentView } from "../kinds/parts.ts";
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
  /** A file that somebody looks at, and that is not kept here. */
  readonly shown: (pointer: AttachmentPointer, order: Order) => Promise<AttachmentView>;
}

/** A sealed part that was opened here. `hash`: that the record signs. */
interface Opened<T> {
  readonly hash: Uint8Array;
  readonly content: T;
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
    const pointer = await photoOf(options, order, found);
    const closed: AnswerItem["closed"][number][] = [];
    if (found.answer !== null && answer === null) closed.push("answer");
    if (found.photo !== null && pointer === null) closed.push("photo");
    answers.push({
      personId: found.personId,
      plate: card === null ? null : plateOf(found.personId, card),
      choice: found.record.choice,
      createdMs: found.record.created,
      answer,
      photo: pointer === null ? null : await options.shown(pointer, order),
      closed,
    });
  }
  return { answers, next: page.next };
}

type Openers = Pick<AnswersOptions, "vault" | "ownKeys">;

/** The text of a verified record's answer; null: there is none, or this device cannot open it. */
export async function answerOf(
  openers: Openers,
  order: Order,
  { answer, record, personId }: VerifiedRecord,
): Promise<string | null> {
  if (answer === null) return null;
  const kept = { key: `order_answer ${order.orderId} ${personId}`, hash: record.answerHash };
  const place = answerPlace(order, record.person);
  return opened(openers, kept, parseAnswer, answer, (sealed, opener) =>
    openAnswer(sealed, place, opener),
  );
}

/** The pointer to a verified record's photo; null: there is none, or this device cannot open it. */
export async function photoOf(
  openers: Openers,
  order: Order,
  { photo, record, personId }: VerifiedRecord,
): Promise<AttachmentPointer | null> {
  if (photo === null) return null;
  const kept = { key: `order_photo ${order.orderId} ${personId}`, hash: record.photoHash };
  const place = answerPlace(order, record.person);
  const { sealed: bytes, attachmentId } = photo;
  return opened(openers, kept, parsePhoto, bytes, async (sealed, opener) =>
    readPhoto(await openPhoto(sealed, place, opener), attachmentId),
  );
}

async function opened<T>(
  { vault, ownKeys }: Openers,
  { key, hash }: { readonly key: string; readonly hash: Uint8Array },
  parse: (bytes: Uint8Array) => SealedEnvelope,
  bytes: Uint8Array,
  open: (sealed: SealedEnvelope, opener: SealOpener) => Promise<T>,
): Promise<T | null> {
  const kept = await vault.get<Opened<T>>(META, key);
  if (kept !== null && equalBytes(kept.hash, hash)) return kept.content;
  try {
    const sealed = parse(bytes);
    for (const keyId of sealed.keyIds) {
      const opener = await ownKeys.opener(keyId);
      if (opener === null) continue;
      const content = await open(sealed, opener);
      await vault.write([putMeta(key, { hash, content } satisfies Opened<T>)]);
      return content;
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  return null;
}
