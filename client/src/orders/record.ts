/**
 * The vault's rows about orders, and what follows from them. Pure.
 *
 * A row gathers what signed messages say (`facts`, `changes`), what the server says (`server`) and
 * what this person has answered (`own`). As soon as the order's text is here, the server's word is
 * compared with it and decides nothing. A correction may come before its order where the log is
 * read backwards, and the server may list an order whose text has not come: each part may be missing.
 */
import { sameTerms, termsOf, type OrderContent } from "../kinds/order.ts";
import type { Content } from "../kinds/content.ts";
import type { OrderChangeContent } from "../kinds/order-change.ts";
import { idOf, type ConversationId, type MessageId, type PersonId } from "../ids.ts";
import { namesSealed, sealedHash } from "../keys/acknowledgement.ts";
import { hash, tag } from "../keys/format/hashing.ts";
import { mayIssue } from "../keys/roster/leaf.ts";
import { UNREADABLE } from "../limits.ts";
import { equalBytes, fromHex } from "../octets.ts";
import type { AttachmentPointer } from "../kinds/fields.ts";
import type {
  AcknowledgementOutcome,
  Order,
  OrderChange,
  OrderTerms,
  SealedPhoto,
} from "../wire.ts";

export const ORDER_STORES = {
  orders: "orders",
  acknowledgements: "acknowledgements",
  photos: "order_photos",
  drafts: "order_drafts",
  draftFiles: "order_draft_files",
} as const;

/** The part that the issuer's device signed. */
export interface OrderFacts {
  readonly seq: number;
  readonly issuerId: PersonId;
  /** H(header ‖ signature) of the message, as this device computed it. */
  readonly headerHash: Uint8Array;
  readonly content: OrderContent;
}

export interface ChangeFacts {
  readonly messageId: MessageId;
  readonly seq: number;
  readonly sentMs: number;
  /** H(header ‖ signature) of its message. */
  readonly headerHash: Uint8Array;
  /** Its writer, and the rights of the writer's leaf: {@link mayChange} judges by both. */
  readonly personId: PersonId;
  readonly rights: number;
  readonly content: OrderChangeContent;
}

export interface OrderRecord {
  readonly orderId: MessageId;
  readonly conversationId: ConversationId;
  readonly issuedMs: number;
  readonly facts: OrderFacts | null;
  /** Ascending by seq. */
  readonly changes: readonly ChangeFacts[];
  /** The server's last word. */
  readonly server: Order | null;
  /** The acknowledgement that counts for this person: made here, or verified. */
  readonly own: OwnAcknowledgement | null;
}

export interface OwnAcknowledgement {
  readonly choice: number;
  readonly done: number;
  readonly createdMs: number;
  /**
   * When this person first acknowledged the text that the order asks about now. A tick of the checklist makes a
   * later record, which does not change this time. The server says it, or this device until it has asked.
   */
  readonly firstMs: number;
  /** The colleague who told this person and signed; null: this person signed. */
  readonly toldBy: PersonId | null;
  /** The hashes by which the record names the order, and the text that it answers. */
  readonly headerHash: Uint8Array;
  readonly textHash: Uint8Array;
  /** By which it names a sealed answer and photo; zeros: none. */
  readonly answerHash: Uint8Array;
  readonly photoHash: Uint8Array;
}

/**
 * A photo for an order. `waiting`: it goes out after the acknowledgement, uploaded, sealed to its readers'
 * devices (`sealed`) and named by one more acknowledgement. `sent`: an acknowledgement that names it counts.
 */
export interface PhotoRecord {
  readonly orderId: MessageId;
  readonly conversationId: ConversationId;
  readonly pointer: AttachmentPointer;
  readonly createdMs: number;
  readonly sealed: Uint8Array | null;
  readonly stage: "waiting" | "sent";
}

/**
 * An acknowledgement on its way. `unsealed`: its answer is to be sealed to its readers' devices, for
 * which the server is needed. `signed`: these bytes are sent until they are answered. `refused`:
 * the server's answer, kept until the person has seen it.
 */
export type SendingRecord = {
  readonly orderId: MessageId;
  readonly conversationId: ConversationId;
  readonly choice: number;
  /** Items that are done, as the record has them. */
  readonly done: number;
  readonly answer: string | null;
  /**
   * The hashes by which the acknowledgement names its answer and its photo; zeros: none. The server has the sealed
   * bytes already, or gets them with this record.
   */
  readonly answerHash: Uint8Array;
  readonly photoHash: Uint8Array;
  readonly photo: SealedPhoto | null;
  readonly createdMs: number;
  /** Items that the person ticked or unticked in it: the other ones are as another device says. */
  readonly touched: number;
  /** The person chose in it: it is no mere tick of what was acknowledged before. */
  readonly chose: boolean;
} & (
  | { readonly stage: "unsealed" }
  | {
      readonly stage: "signed";
      readonly record: Uint8Array;
      readonly sealed: Uint8Array | null;
      /** Records that waited when it was signed, the oldest first: each counts by its own time. */
      readonly before: readonly Uint8Array[];
    }
  | { readonly stage: "refused"; readonly outcome: AcknowledgementOutcome }
);

/** The parts of an acknowledgement in which two devices of a person may differ. */
type Ticked = Pick<OwnAcknowledgement, "choice" | "done">;

/** The items that the person touched since the known acknowledgement, and whether the person chose. */
export function touching(
  known: Ticked | SendingRecord | null,
  given: Ticked,
): Pick<SendingRecord, "touched" | "chose"> {
  const sent = known !== null && "touched" in known ? known : null;
  const chose = known === null || known.choice !== given.choice || sent?.chose === true;
  return { touched: (sent?.touched ?? 0) | ((known?.done ?? 0) ^ given.done), chose };
}

/**
 * The photo that a new acknowledgement names again: one that was sent, or that is handed in with the record
 * that the new one replaces. The person writes an answer again.
 */
export function carried(
  choice: number,
  known: OwnAcknowledgement | SendingRecord | null,
): Pick<SendingRecord, "answerHash" | "photoHash" | "photo"> {
  const answerHash = sealedHash(null);
  if (choice === UNREADABLE || known === null)
    return { answerHash, photoHash: sealedHash(null), photo: null };
  return { answerHash, photoHash: known.photoHash, photo: "photo" in known ? known.photo : null };
}

type Joined = Ticked & Pick<SendingRecord, "answer" | "answerHash" | "photoHash" | "photo">;

/** The photo that this device hands in, or the one that counts. */
function photoOf(
  sent: SendingRecord,
  { photoHash }: OwnAcknowledgement,
): Pick<Joined, "photo" | "photoHash"> {
  return sent.photo === null
    ? { photo: null, photoHash }
    : { photo: sent.photo, photoHash: sent.photoHash };
}

/**
 * One acknowledgement with what the person touched here and what another device of the person says. An
 * answer of the later one counts.
 */
export function together(sent: SendingRecord, theirs: OwnAcknowledgement): Joined {
  const later = sent.createdMs > theirs.createdMs;
  const { answerHash } = theirs;
  const answered = later && sent.answer !== null;
  return {
    choice: sent.chose && later ? sent.choice : theirs.choice,
    done: (theirs.done & ~sent.touched) | (sent.done & sent.touched),
    ...(answered
      ? { answer: sent.answer, answerHash: sent.answerHash }
      : { answer: null, answerHash }),
    ...photoOf(sent, theirs),
  };
}

/** The same for a record of a text after theirs, which the person answered again: their answer and photo stay. */
export function onLaterText(sent: SendingRecord, theirs: OwnAcknowledgement): Joined {
  const { choice, done, answer } = sent;
  const answerHash = namesSealed(sent.answerHash) ? theirs.answerHash : sent.answerHash;
  return { choice, done, answer, answerHash, ...photoOf(sent, theirs) };
}

/** Whether joining adds nothing to a record. */
export function isSame(
  joined: Joined,
  record: Pick<OwnAcknowledgement, "choice" | "done" | "answerHash" | "photoHash">,
): boolean {
  return (
    joined.choice === record.choice &&
    joined.done === record.done &&
    equalBytes(joined.photoHash, record.photoHash) &&
    (joined.answer !== null || equalBytes(joined.answerHash, record.answerHash))
  );
}

/** A row of which nothing is known yet. */
export function emptyOrder(orderId: MessageId, conversationId: ConversationId): OrderRecord {
  return {
    orderId,
    conversationId,
    issuedMs: 0,
    facts: null,
    changes: [],
    server: null,
    own: null,
  };
}

/** The terms that a message tells the server in the clear; null: it is no order. */
export function clearTerms(content: Content | { readonly kind: "unsupported" }) {
  if (content.kind === "order") return termsOf(content);
  if (content.kind !== "order_change") return null;
  const { orderId, change, asksAgain } = content;
  return { t: "order_change", orderId, change, asksAgain } satisfies OrderChange;
}

/** The order that the server states is another one than its issuer signed; null: it is the same. */
export function differenceOf({ facts, server, conversationId }: OrderRecord) {
  if (facts === null || server === null) return null;
  const same =
    server.conversationId === conversationId &&
    server.issuerId === facts.issuerId &&
    equalBytes(server.headerHash, facts.headerHash);
  if (!same) return "header";
  return sameTerms(server.terms, termsOf(facts.content)) ? null : "terms";
}

/** H(header ‖ signature) of the order's message: this device's own, else as the server says. */
export function headerHashOf({ facts, server }: OrderRecord): Uint8Array | null {
  return facts?.headerHash ?? server?.headerHash ?? null;
}

/** The signed terms; the server's where the text is not here. */
export function knownTerms({ facts, server }: OrderRecord): OrderTerms | null {
  return facts === null ? (server?.terms ?? null) : termsOf(facts.content);
}

/** The ids of the orders that were issued together with one, itself among them; null: it is alone. */
export function togetherWith({ facts }: OrderRecord): readonly MessageId[] | null {
  const series = facts?.content.series ?? null;
  if (series === null) return null;
  return Array.from({ length: series.of }, (_, at) => seriesOrderId(series.id, at));
}

/** The id of one of several orders that are issued together, alike for a repeated call. */
export function seriesOrderId(seriesId: MessageId, at: number): MessageId {
  const bytes = hash(tag("copconnect order series"), fromHex(seriesId), Uint8Array.of(at));
  return idOf<MessageId>(bytes.subarray(0, 16));
}

/** The part of a row that says who may change the order. */
interface Issued {
  readonly facts: Pick<OrderFacts, "issuerId" | "content"> | null;
  readonly server: OrderRecord["server"];
}

export function issuerOf({ facts, server }: Issued): PersonId | null {
  return facts?.issuerId ?? server?.issuerId ?? null;
}

/** Changes that count. */
export function changesOf(row: OrderRecord): readonly ChangeFacts[] {
  return row.changes.filter((change) => mayChange(row, change));
}

/**
 * O3: a correction is the issuer's, with the right of the order's priority in the leaf; a withdrawal
 * the issuer's, or of somebody whom the signed text appoints. Without the order's text the server's
 * word says who issued it, and the right is judged once the text is here.
 */
export function mayChange(
  row: Issued,
  { personId, rights, content }: Pick<ChangeFacts, "personId" | "rights" | "content">,
): boolean {
  const { facts } = row;
  const issued = personId === issuerOf(row);
  if (content.change === "withdrawn")
    return issued || facts?.content.readers.includes(personId) === true;
  return issued && (facts === null || mayIssue({ rights }, facts.content.priority));
}

/** When the order was withdrawn. The server's word counts only where the order's text is not here. */
export function withdrawnMs(row: OrderRecord): number | null {
  const signed = changesOf(row).find(({ content }) => content.change === "withdrawn");
  if (signed !== undefined || row.facts !== null) return signed?.sentMs ?? null;
  return row.server?.withdrawnMs ?? null;
}

/** Texts of an order, the oldest first, and the place of the one that everybody was asked about last. */
interface OrderTexts {
  readonly hashes: readonly Uint8Array[];
  readonly asked: number;
}

/** The texts that are signed; the server's where the order's text is not here. */
function textsOf(row: OrderRecord): OrderTexts {
  const { facts, server } = row;
  if (facts !== null) {
    const corrections = changesOf(row).filter(({ content }) => content.change === "corrected");
    const hashes = [facts, ...corrections].map(({ headerHash }) => headerHash);
    const asked = 1 + corrections.findLastIndex(({ content }) => content.asksAgain);
    return { hashes, asked };
  }
  if (server === null) return { hashes: [], asked: 0 };
  const asked = server.texts.findIndex(({ seq }) => seq === server.askedSeq);
  return { hashes: server.texts.map(({ headerHash }) => headerHash), asked };
}

/** The hash of the newest text, which an acknowledgement that is given now names. */
export function textHashOf(row: OrderRecord): Uint8Array | null {
  return textsOf(row).hashes.at(-1) ?? null;
}

type OfText = Pick<OwnAcknowledgement, "textHash">;

function placeOf(hashes: OrderTexts["hashes"], { textHash }: OfText): number {
  return hashes.findIndex((hash) => equalBytes(hash, textHash));
}

/**
 * Whether `one` is of the same text as `other`, or of a later one. Null: of an earlier one, or one of both
 * texts is not here, so that nobody can say.
 */
export function textBeside(row: OrderRecord, one: OfText, other: OfText): "same" | "later" | null {
  if (equalBytes(one.textHash, other.textHash)) return "same";
  const { hashes } = textsOf(row);
  const before = placeOf(hashes, other);
  return before >= 0 && placeOf(hashes, one) > before ? "later" : null;
}

/** The acknowledgement that counts for this person, if it is of the very order that is known here. */
export function ownOf(row: OrderRecord): OwnAcknowledgement | null {
  const { hashes, asked } = textsOf(row);
  const own = givenOf(row);
  return own !== null && placeOf(hashes, own) >= asked ? own : null;
}

/** The same, also if it is of a text before the one that everybody was asked about last. */
export function givenOf(row: OrderRecord): OwnAcknowledgement | null {
  const headerHash = headerHashOf(row);
  const { own } = row;
  return own !== null && headerHash !== null && equalBytes(own.headerHash, headerHash) ? own : null;
}

/**
 * Choose the acknowledgement of this person that counts. The newer text wins; then an acknowledgement over
 * "I cannot read it"; then the person's own over one told in person; then the later signature.
 */
export function counting(
  row: OrderRecord,
  one: OwnAcknowledgement | null,
  other: OwnAcknowledgement | null,
): OwnAcknowledgement | null {
  if (one === null || other === null) return one ?? other;
  const { hashes } = textsOf(row);
  const later = placeOf(hashes, one) - placeOf(hashes, other);
  if (later !== 0) return later > 0 ? one : other;
  const readable = one.choice !== UNREADABLE;
  if (readable !== (other.choice !== UNREADABLE)) return readable ? one : other;
  if ((one.toldBy === null) !== (other.toldBy === null)) return one.toldBy === null ? one : other;
  return one.createdMs > other.createdMs ? one : other;
}

/** When this person first acknowledged what is asked now, with a new record of this device. */
export function firstMs(row: OrderRecord, createdMs: number): number {
  const own = ownOf(row);
  const acknowledged = own !== null && own.toldBy === null && own.choice !== UNREADABLE;
  return acknowledged ? own.firstMs : createdMs;
}

/** Whether nobody is asked for anything any more: it was withdrawn, or its validity is over. */
export function isOver(row: OrderRecord, nowMs: number): boolean {
  return withdrawnMs(row) !== null || (knownTerms(row)?.validUntilMs ?? Infinity) < nowMs;
}

/**
 * Whether the person is still asked for an acknowledgement. Signed words decide; where the order's text
 * is not here, the server's.
 */
export function isOwed(row: OrderRecord, self: PersonId, nowMs: number): boolean {
  const terms = knownTerms(row);
  if (terms === null || issuerOf(row) === self || ownOf(row) !== null) return false;
  if (isOver(row, nowMs)) return false;
  return row.facts !== null || row.server?.owed === true;
}

/** Whether the person has acknowledged, and has not done all that the order asks for: items, or a photo. */
export function isUnfinished(row: OrderRecord, self: PersonId, nowMs: number): boolean {
  const own = ownOf(row);
  const { content = null } = row.facts ?? {};
  if (content === null || own === null || own.choice === UNREADABLE) return false;
  if (issuerOf(row) === self || isOver(row, nowMs)) return false;
  const undone = own.done !== (1 << content.items.length) - 1;
  return undone || (content.photo && !namesSealed(own.photoHash));
}
