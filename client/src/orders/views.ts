/** Views of orders from their rows. */
import type { PeopleDirectory } from "../people/people.ts";
import type {
  AcknowledgedView,
  OrderBody,
  OrderChangeBody,
  OrderView,
  OwnPhotoView,
  SendingView,
} from "../seam/orders.ts";
import { namesSealed } from "../keys/acknowledgement.ts";
import { bodyOf } from "../kinds/content.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import type { BodySources } from "../kinds/kind.ts";
import type { OrderWording } from "../kinds/order.ts";
import { textsOf, wordingsOf } from "../kinds/wording.ts";
import type { AttachmentView } from "../kinds/parts.ts";
import type { ConversationId, MessageId, PersonId } from "../ids.ts";
import {
  changesOf,
  differenceOf,
  givenOf,
  isOwed,
  isUnfinished,
  issuerOf,
  knownTerms,
  ownOf,
  togetherWith,
  withdrawnMs,
} from "./record.ts";
import type { OrderRecord, OwnAcknowledgement, PhotoRecord, SendingRecord } from "./record.ts";

export interface OrderViewParts {
  readonly people: Pick<PeopleDirectory, "plate">;
  readonly attachments: (
    pointers: readonly AttachmentPointer[],
    at?: { readonly conversationId: ConversationId; readonly messageId: MessageId },
  ) => Promise<readonly AttachmentView[]>;
}

function shownBy({ attachments }: OrderViewParts): BodySources {
  const none = (): Promise<never> => Promise.reject(new TypeError("an order has no such part"));
  return { attachments, live: none, poll: none, question: none };
}

/** The acknowledgement and the photo of this person that have not reached the server. */
interface Own {
  readonly sending: SendingView | null;
  readonly photo: PhotoRecord | null;
  readonly waitsForReaders: boolean;
}

/** `asks`: the order asks this person, who can read it. `member`: the person belongs to its conversation. */
interface Shown extends Own {
  readonly asks: boolean;
  readonly member: boolean;
}

export async function orderView(
  parts: OrderViewParts,
  row: OrderRecord,
  { sending, photo, waitsForReaders, asks, member }: Shown,
  self: PersonId,
  nowMs: number,
): Promise<OrderView> {
  const { people } = parts;
  const shown = shownBy(parts);
  const { facts, server } = row;
  const terms = knownTerms(row);
  const changes = await Promise.all(
    changesOf(row).map(async ({ messageId, sentMs, content }) => {
      // Sound: the body of a content is of its kind.
      const body = (await bodyOf(content, shown)) as OrderChangeBody;
      return { messageId, sentMs, body };
    }),
  );
  return {
    orderId: row.orderId,
    conversationId: row.conversationId,
    seq: facts?.seq ?? server?.seq ?? null,
    issuedMs: row.issuedMs,
    issuer: await people.plate(issuerOf(row)),
    mine: issuerOf(row) === self,
    asks,
    mayWithdraw:
      member && (issuerOf(row) === self || (facts?.content.readers.includes(self) ?? false)),
    priority: terms?.priority ?? "routine",
    validUntilMs: terms?.validUntilMs ?? null,
    body: facts === null ? null : ((await bodyOf(facts.content, shown)) as OrderBody),
    changes,
    withdrawnMs: withdrawnMs(row),
    owed: asks && isOwed(row, self, nowMs) && (sending === null || sending.refused !== null),
    unfinished: asks && isUnfinished(row, self, nowMs),
    acknowledgement: await acknowledged(ownOf(row), parts),
    earlier: ownOf(row) === null ? await acknowledged(givenOf(row), parts) : null,
    sending,
    photo:
      facts?.content.photo === true ? await photoView(parts, row, photo, waitsForReaders) : null,
    together: issuerOf(row) === self ? togetherWith(row) : null,
    overseen: server?.overseen ?? issuerOf(row) === self,
    mayRemind: server?.reminds ?? false,
    remindedMs: server?.remindedMs ?? null,
    escalatedMs: server?.escalatedMs ?? null,
    differs: differenceOf(row),
  };
}

async function acknowledged(
  own: OwnAcknowledgement | null,
  { people }: OrderViewParts,
): Promise<AcknowledgedView | null> {
  if (own === null) return null;
  const toldBy = own.toldBy === null ? null : await people.plate(own.toldBy);
  return { choice: own.choice, done: own.done, createdMs: own.firstMs, toldBy };
}

async function photoView(
  { attachments }: OrderViewParts,
  row: OrderRecord,
  photo: PhotoRecord | null,
  waitsForReaders: boolean,
): Promise<OwnPhotoView> {
  const own = ownOf(row);
  const named = own !== null && namesSealed(own.photoHash);
  const waits = photo?.stage === "waiting";
  // This device has no pointer to a photo that another device of the person sent.
  const [attachment = null] =
    photo === null || !(named || waits)
      ? []
      : await attachments([photo.pointer], {
          conversationId: row.conversationId,
          messageId: row.orderId,
        });
  if (waits) return { state: waitsForReaders ? "unreadable" : "waiting", attachment };
  return { state: named ? "sent" : "open", attachment };
}

export function sendingView(
  record: SendingRecord | null,
  waitsForReaders: boolean,
): SendingView | null {
  if (record === null) return null;
  const { choice, done, answer, createdMs } = record;
  const refused = record.stage === "refused" ? record.outcome : null;
  const photo = record.photo !== null;
  return { choice, done, answer, createdMs, refused, waitsForReaders, photo };
}

/** The texts of an order in which a search looks. */
export function wordsOf({ facts, changes }: OrderRecord): string {
  const parts = [facts?.content, ...changes.map(({ content }) => content)];
  const words = parts.flatMap((one) => (one === undefined ? [] : [...textsOf(one), one.reference]));
  const given = facts === null ? [] : wordingsOf<OrderWording>(facts.content);
  return words
    .concat(given.flatMap(({ choices, items }) => [...choices, ...items]))
    .join("\n")
    .toLowerCase();
}
