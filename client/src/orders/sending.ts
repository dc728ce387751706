/**
 * Acknowledgements on their way: their own encrypted outbox, so that one that is given without
 * a network leaves later, as it was signed.
 *
 * Stages (SendingRecord): `unsealed` → `signed` → gone once it counts, or `refused`. Each is stored
 * before the next begins. A crash repeats a step; the server counts a record once. One order has one
 * acknowledgement here: a later answer of the person replaces it, and keeps the records that waited with
 * the same choice, because they may count where the later one comes too late. Ticks of
 * another device of the person stay (`together`), and so do its answer and photo, which a record names again.
 * A photo of the order waits until the acknowledgement before it counts, and goes out with one more.
 */
import type { DeviceContext } from "../context.ts";
import { asFailure } from "../as-failure.ts";
import { failure, hasCode } from "../failure.ts";
import type { MessageId } from "../ids.ts";
import { UNREADABLE } from "../limits.ts";
import { AcknowledgementFormat, OWN, sealedHash } from "../keys/acknowledgement.ts";
import type { Acknowledgement } from "../keys/acknowledgement.ts";
import { sealAnswer } from "../keys/answer.ts";
import { copy, equalBytes, fromHex } from "../octets.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import type { AcknowledgementOutcome, AcknowledgementItem } from "../wire.ts";
import { answerPlace, sealToReaders } from "./answers.ts";
import type { OrderPhotos } from "./photos.ts";
import {
  ORDER_STORES,
  givenOf,
  headerHashOf,
  isSame,
  onLaterText,
  ownOf,
  textBeside,
  textHashOf,
  together,
} from "./record.ts";
import type { OrderRecord, PhotoRecord, SendingRecord } from "./record.ts";

type SignedSending = Extract<SendingRecord, { stage: "signed" }>;

/** The part of a record that is the same in each stage. */
type Kept = Pick<
  SendingRecord,
  | "orderId"
  | "conversationId"
  | "choice"
  | "done"
  | "answer"
  | "answerHash"
  | "photoHash"
  | "photo"
  | "createdMs"
  | "touched"
  | "chose"
>;

function keptOf(record: Kept): Kept {
  const { orderId, conversationId, choice, done, createdMs, touched, chose } = record;
  const { answer, answerHash, photoHash, photo } = record;
  const given = { choice, done, answer, answerHash, photoHash, photo };
  return { orderId, conversationId, ...given, createdMs, touched, chose };
}

/** Records that are kept beside a later one: the first and the newest. */
const MOST_BEFORE = 24;

interface SigningParts {
  readonly sealed?: Uint8Array | null;
  readonly before?: readonly Uint8Array[];
  readonly textHash?: Uint8Array | null;
}

const RETRY = { firstMs: 1_000, maxMs: 60_000 };

export interface SendingListener {
  find(orderId: MessageId): Promise<OrderRecord | null>;
  /** The server has counted it. Stored together with its end here. */
  counted(sent: SendingRecord, record: Acknowledgement, sinceMs: number): Promise<void>;
  /** Ask the server about the order: its word may be another now. */
  ask(orderId: MessageId): Promise<void>;
  changed(orderId: MessageId): void;
}

function handedIn(photo: SendingRecord["photo"]): AcknowledgementItem["photo"] {
  return photo === null ? null : { ...photo, sealed: copy(photo.sealed) };
}

export class OrderSender {
  readonly #context: DeviceContext;
  readonly #listener: SendingListener;
  readonly #photos: OrderPhotos;
  readonly #records = new Map<MessageId, SendingRecord>();
  /** Orders whose answer no device of the issuer can read now. */
  readonly #unreadable = new Set<MessageId>();
  /** Orders that another device of the person has acknowledged, or may have while this one waited. */
  readonly #waited = new Set<MessageId>();
  #pumping = false;
  #again = false;
  #wake = new AbortController();

  constructor(context: DeviceContext, listener: SendingListener, photos: OrderPhotos) {
    this.#context = context;
    this.#listener = listener;
    this.#photos = photos;
  }

  async load(): Promise<void> {
    const stored = await this.#context.vault.all<SendingRecord>(ORDER_STORES.acknowledgements);
    for (const one of stored) {
      this.#records.set(one.orderId, one);
      this.#waited.add(one.orderId);
    }
  }

  find(orderId: MessageId): SendingRecord | null {
    return this.#records.get(orderId) ?? null;
  }

  waitsForReaders(orderId: MessageId): boolean {
    return this.#unreadable.has(orderId);
  }

  /** Store an acknowledgement, signed at once where no answer is to be sealed, and begin to send it. */
  async enqueue(
    order: OrderRecord,
    given: Omit<Kept, "orderId" | "conversationId">,
  ): Promise<void> {
    const { orderId, conversationId } = order;
    const unsealed: SendingRecord = { orderId, conversationId, ...given, stage: "unsealed" };
    const before = this.#waiting(order, given);
    await this.#put(
      given.answer === null ? await this.#sign(order, unsealed, { before }) : unsealed,
    );
    this.kick();
  }

  /** Records with the same choice, of the same text, that wait for the server. */
  #waiting(order: OrderRecord, { choice, answer }: Pick<Kept, "choice" | "answer">) {
    const known = this.#records.get(order.orderId);
    if (known?.stage !== "signed" || known.answer !== null || answer !== null) return [];
    const { textHash } = AcknowledgementFormat.parse(known.record);
    if (known.choice !== choice || !equalBytes(textHash, textHashOf(order) ?? textHash)) return [];
    const [first, ...others] = [...known.before, known.record];
    return first === undefined ? [] : [first, ...others.slice(1 - MOST_BEFORE)];
  }

  /** Forget a refusal that the person has seen. */
  async drop(orderId: MessageId): Promise<void> {
    const refused = this.#records.get(orderId);
    if (refused?.stage !== "refused") return;
    // A photo that waited for an acknowledgement which nobody took has nothing to follow.
    const order = await this.#listener.find(orderId);
    const counts = order !== null && ownOf(order) !== null;
    if (refused.photo !== null || !counts) await this.#photos.drop(orderId);
    await this.#delete(orderId);
  }

  /** Another device of the person has acknowledged: what this one knows may be old. */
  overtaken(orderId: MessageId): void {
    this.#waited.add(orderId);
  }

  /** The network is back: waits end at once. */
  wake(): void {
    this.#unreadable.clear();
    for (const orderId of this.#records.keys()) this.#waited.add(orderId);
    this.#wake.abort();
    this.#wake = new AbortController();
    this.kick();
  }

  stop(): void {
    this.#wake.abort();
  }

  kick(): void {
    this.#again = true;
    if (this.#pumping) return;
    this.#pumping = true;
    void this.#pump().finally(() => {
      this.#pumping = false;
    });
  }

  async #pump(): Promise<void> {
    const { signal, random } = this.#context;
    for (let attempt = 0; this.#again && !signal.aborted;) {
      this.#again = false;
      let wait: number | null = null;
      for (const record of [...this.#records.values(), ...this.#photos.waiting()]) {
        if (record.stage === "refused" || this.#unreadable.has(record.orderId)) continue;
        try {
          await ("pointer" in record ? this.#sendPhoto(record) : this.#send(record));
          attempt = 0;
        } catch (error) {
          if (signal.aborted || hasCode(error, "locked")) return;
          this.#waited.add(record.orderId);
          const known = asFailure(error);
          if (known.code === "answer_unreadable") {
            this.#unreadable.add(record.orderId);
            this.#listener.changed(record.orderId);
          } else if (known.retry) {
            wait = known.retryAfterMs ?? delayMs(RETRY, attempt++, random);
          }
          // Everything else waits for the next connection.
        }
      }
      if (wait === null) continue;
      this.#again = true;
      await pause(wait, this.#wake.signal);
    }
  }

  async #send(record: SendingRecord): Promise<void> {
    const order = await this.#listener.find(record.orderId);
    if (order === null || headerHashOf(order) === null) return this.#delete(record.orderId);
    const sealed = record.stage === "signed" ? record : await this.#seal(order, record);
    const signed = await this.#compared(order, sealed);
    if (signed === null) return;
    const outcome = await this.#submit(signed);
    const current = this.#records.get(record.orderId);
    // The person has answered again meanwhile: that one counts, and is still to be sent.
    if (current?.stage !== "signed" || !equalBytes(current.record, signed.record)) return;
    await this.#settle(order, signed, outcome);
  }

  /** Hand a photo in with one more acknowledgement, after the one that the person gave. */
  async #sendPhoto({ orderId }: PhotoRecord): Promise<void> {
    // It may have been sent, or replaced, since the pump began its round.
    const photo = this.#photos.find(orderId);
    if (photo?.stage !== "waiting" || this.#records.has(orderId)) return;
    const { conversationId, pointer } = photo;
    const order = await this.#listener.find(orderId);
    const own = order === null ? null : ownOf(order);
    if (order === null || own === null || own.toldBy !== null || own.choice === UNREADABLE) return;
    const { sealed } = await this.#photos.prepare(order, photo);
    const photoHash = sealedHash(sealed);
    if (sealed === null || this.#records.has(orderId)) return;
    if (equalBytes(own.photoHash, photoHash)) {
      await this.#photos.counted(orderId, photoHash);
      return this.#listener.changed(orderId);
    }
    const { choice, done, answerHash } = own;
    const given: Kept = {
      ...{ orderId, conversationId, choice, done, answer: null, answerHash, photoHash },
      photo: { sealed, attachmentId: pointer.id },
      createdMs: Math.max(photo.createdMs, own.createdMs + 1),
      ...{ touched: 0, chose: false },
    };
    await this.#put(await this.#sign(order, given, {}));
    this.#again = true;
  }

  /**
   * The record to send. If another device of the person may have ticked items since, this device first asks
   * the server for that record and adds its ticks. Null: the person has ticked again, and a newer record
   * replaces this one.
   */
  async #compared(order: OrderRecord, sent: SignedSending): Promise<SignedSending | null> {
    const { orderId } = sent;
    const known = givenOf(order) !== null || this.#waited.has(orderId);
    const { items = [], photo = false } = order.facts?.content ?? {};
    // A record without the photo that another device has sent would end it: always ask first.
    if (!photo && (!known || items.length === 0)) return sent;
    await this.#ask(orderId);
    if (this.#records.get(orderId) !== sent) return null;
    return (await this.#joined(sent)) ?? sent;
  }

  async #ask(orderId: MessageId): Promise<void> {
    await this.#listener.ask(orderId).catch((error: unknown) => {
      if (!hasCode(error, "not_found", "not_member")) throw error;
    });
  }

  /** Sign again with what another device of the person says; null: it says nothing else. */
  async #joined(sent: SignedSending): Promise<SignedSending | null> {
    const order = await this.#listener.find(sent.orderId);
    const theirs = order === null ? null : givenOf(order);
    const record = AcknowledgementFormat.parse(sent.record);
    const { textHash } = record;
    if (order === null || theirs === null || theirs.toldBy !== null) return null;
    if (sent.choice === UNREADABLE || theirs.choice === UNREADABLE) return null;
    const text = textBeside(order, record, theirs);
    if (text === null) return null;
    const joined = text === "later" ? onLaterText(sent, theirs) : together(sent, theirs);
    const before = text === "same" && sent.createdMs <= theirs.createdMs ? theirs : record;
    if (isSame(joined, before)) return null;
    const createdMs = Math.max(sent.createdMs, theirs.createdMs + 1);
    const sealed = joined.answer === null ? null : sent.sealed;
    const signed = await this.#sign(order, { ...sent, ...joined, createdMs }, { sealed, textHash });
    if (this.#records.get(sent.orderId) !== sent) return null;
    await this.#put(signed);
    return signed;
  }

  async #seal(order: OrderRecord, record: SendingRecord): Promise<SignedSending> {
    const { facts } = order;
    const { answer } = record;
    const sealed =
      answer === null || facts === null
        ? null
        : await sealToReaders(
            this.#context,
            { ...order, headerHash: facts.headerHash },
            facts.issuerId,
            facts.content.readers,
            (place, keys, secret) => sealAnswer(place, answer, keys, secret),
          );
    const signed = await this.#sign(order, record, { sealed });
    const current = this.#records.get(record.orderId);
    if (current === record) await this.#put(signed);
    return signed;
  }

  async #sign(
    order: OrderRecord,
    record: Kept,
    { sealed = null, before = [], textHash = textHashOf(order) }: SigningParts,
  ): Promise<SignedSending> {
    const { orderId, conversationId } = order;
    const headerHash = headerHashOf(order);
    if (headerHash === null || textHash === null)
      throw new TypeError("an order of which nothing is known");
    const { deviceBytes, personId, privateKey } = this.#context.identity();
    const { choice, done, createdMs, photoHash } = record;
    const person = fromHex(personId);
    const { bytes } = await AcknowledgementFormat.sign(
      {
        ...answerPlace({ conversationId, orderId, headerHash }, person),
        textHash,
        device: deviceBytes,
        told: OWN,
        choice,
        done,
        answerHash: sealed === null ? record.answerHash : sealedHash(sealed),
        photoHash,
        created: createdMs,
      },
      privateKey,
    );
    return { ...keptOf(record), stage: "signed", record: bytes, sealed, before };
  }

  async #submit(sent: SignedSending): Promise<AcknowledgementOutcome> {
    const { orderId, record, sealed, before, photoHash } = sent;
    const all = [...before, record];
    // The first record that names the photo hands it in, and the last, in case only one of them counts.
    const first = all.find((one) =>
      equalBytes(AcknowledgementFormat.parse(one).photoHash, photoHash),
    );
    const acknowledgements = all.map((one) => ({
      record: copy(one),
      answer: one !== record || sealed === null ? null : copy(sealed),
      photo: one === first || one === record ? handedIn(sent.photo) : null,
    }));
    try {
      const { api } = this.#context;
      const { outcomes } = await api.acknowledgeOrder(orderId, { acknowledgements });
      return outcomes[before.length] ?? "malformed";
    } catch (error) {
      // Somebody who left the conversation owes nothing.
      if (hasCode(error, "not_found", "not_member")) return "not_owed";
      throw error;
    }
  }

  async #settle(
    order: OrderRecord,
    sent: SignedSending,
    outcome: AcknowledgementOutcome,
  ): Promise<void> {
    const { orderId } = sent;
    if (outcome === "counted") {
      this.#records.delete(orderId);
      this.#waited.delete(orderId);
      const record = AcknowledgementFormat.parse(sent.record);
      const first = AcknowledgementFormat.parse(sent.before[0] ?? sent.record);
      await this.#listener.counted(sent, record, first.created);
      await this.#photos.counted(orderId, record.photoHash);
      this.#again ||= this.#photos.find(orderId)?.stage === "waiting";
      this.#listener.changed(orderId);
      return;
    }
    if (outcome === "photo_missing" && sent.photo !== null) {
      // The server has forgotten the file: without it this record counts, and the photo goes up again.
      await this.#photos.missing(orderId);
      const { textHash } = AcknowledgementFormat.parse(sent.record);
      const without = { ...sent, photo: null, photoHash: sealedHash(null) };
      await this.#put(await this.#sign(order, without, { sealed: sent.sealed, textHash }));
      throw failure("attachment_gone", { retry: true });
    }
    if (outcome === "wrong_time" && (await this.#resign(order, sent))) return;
    if (outcome === "superseded" || outcome === "wrong_photo") {
      // Another device of the person was faster: its record, or its photo, is not known here.
      await this.#ask(orderId);
      await this.#joined(sent);
      const isReplaced = this.#records.get(orderId) !== sent;
      if (isReplaced) this.#again = true;
      else if (outcome === "superseded") await this.#delete(orderId);
      if (isReplaced || outcome === "superseded") return this.#listener.changed(orderId);
    }
    await this.#put({ ...keptOf(sent), stage: "refused", outcome });
    await this.#listener.ask(orderId).catch(() => undefined);
    this.#listener.changed(orderId);
  }

  /** The device's clock was wrong: sign again with the department's time. False: it was not. */
  async #resign(order: OrderRecord, sent: SignedSending): Promise<boolean> {
    const { time } = this.#context;
    await time.anchor();
    const createdMs = time.requireNow();
    if (Math.abs(createdMs - sent.createdMs) < 60_000) return false;
    const { sealed } = sent;
    // The text that the person acknowledged, though a newer one may have come.
    const { textHash } = AcknowledgementFormat.parse(sent.record);
    await this.#put(await this.#sign(order, { ...sent, createdMs }, { sealed, textHash }));
    this.#again = true;
    return true;
  }

  async #put(record: SendingRecord): Promise<void> {
    const place = { store: ORDER_STORES.acknowledgements, key: record.orderId };
    await this.#context.vault.write([{ op: "put", ...place, value: record }], true);
    this.#records.set(record.orderId, record);
    this.#listener.changed(record.orderId);
  }

  async #delete(orderId: MessageId): Promise<void> {
    const place = { store: ORDER_STORES.acknowledgements, key: orderId };
    await this.#context.vault.write([{ op: "delete", ...place }]);
    this.#records.delete(orderId);
    this.#listener.changed(orderId);
  }
}
