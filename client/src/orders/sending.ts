/**
 * Acknowledgements on their way: their own encrypted outbox, so that one that is given without
 * a network leaves later, as it was signed.
 *
 * Stages (SendingRecord): `unsealed` → `signed` → gone once it counts, or `refused`. Each is stored
 * before the next begins. A crash repeats a step; the server counts a record once. One order has one
 * acknowledgement here: a later answer of the person replaces it.
 */
import type { DeviceContext } from "../context.ts";
import { asFailure, hasCode } from "../failure.ts";
import type { MessageId } from "../ids.ts";
import { AcknowledgementFormat, OWN, answerHash } from "../keys/acknowledgement.ts";
import { copy, equalBytes, fromHex } from "../octets.ts";
import { delayMs, pause } from "../transport/backoff.ts";
import type { AcknowledgementOutcome } from "../wire.ts";
import { answerPlace, sealToReaders } from "./answers.ts";
import { ORDER_STORES, headerHashOf, textHashOf } from "./record.ts";
import type { OrderRecord, SendingRecord } from "./record.ts";

type SignedSending = Extract<SendingRecord, { stage: "signed" }>;

const RETRY = { firstMs: 1_000, maxMs: 60_000 };

export interface SendingListener {
  find(orderId: MessageId): Promise<OrderRecord | null>;
  /** The server has counted it. Stored together with its end here. */
  counted(sent: SendingRecord, textHash: Uint8Array): Promise<void>;
  /** Ask the server about the order: its word may be another now. */
  ask(orderId: MessageId): Promise<void>;
  changed(orderId: MessageId): void;
}

export class OrderSender {
  readonly #context: DeviceContext;
  readonly #listener: SendingListener;
  readonly #records = new Map<MessageId, SendingRecord>();
  /** Orders whose answer no device of the issuer can read now. */
  readonly #unreadable = new Set<MessageId>();
  #pumping = false;
  #again = false;
  #wake = new AbortController();

  constructor(context: DeviceContext, listener: SendingListener) {
    this.#context = context;
    this.#listener = listener;
  }

  async load(): Promise<void> {
    const stored = await this.#context.vault.all<SendingRecord>(ORDER_STORES.acknowledgements);
    for (const one of stored) this.#records.set(one.orderId, one);
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
    given: Pick<SendingRecord, "choice" | "done" | "answer" | "createdMs">,
  ): Promise<void> {
    const { orderId, conversationId } = order;
    const unsealed: SendingRecord = { orderId, conversationId, ...given, stage: "unsealed" };
    await this.#put(given.answer === null ? await this.#sign(order, unsealed, null) : unsealed);
    this.kick();
  }

  /** Forget a refusal that the person has seen. */
  async drop(orderId: MessageId): Promise<void> {
    if (this.#records.get(orderId)?.stage === "refused") await this.#delete(orderId);
  }

  /** The network is back: waits end at once. */
  wake(): void {
    this.#unreadable.clear();
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
      for (const record of [...this.#records.values()]) {
        if (record.stage === "refused" || this.#unreadable.has(record.orderId)) continue;
        try {
          await this.#send(record);
          attempt = 0;
        } catch (error) {
          if (signal.aborted || hasCode(error, "locked")) return;
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
    const signed = record.stage === "signed" ? record : await this.#seal(order, record);
    const outcome = await this.#post(signed);
    const current = this.#records.get(record.orderId);
    // The person has answered again meanwhile: that one counts, and is still to be sent.
    if (current?.stage !== "signed" || !equalBytes(current.record, signed.record)) return;
    await this.#settle(order, signed, outcome);
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
            answer,
          );
    const signed = await this.#sign(order, record, sealed);
    const current = this.#records.get(record.orderId);
    if (current === record) await this.#put(signed);
    return signed;
  }

  async #sign(
    order: OrderRecord,
    record: SendingRecord,
    sealed: Uint8Array | null,
  ): Promise<SignedSending> {
    const { orderId, conversationId } = order;
    const headerHash = headerHashOf(order);
    const textHash = textHashOf(order);
    if (headerHash === null || textHash === null)
      throw new TypeError("an order of which nothing is known");
    const { deviceBytes, personId, privateKey } = this.#context.identity();
    const { choice, done, answer, createdMs } = record;
    const { bytes } = await AcknowledgementFormat.sign(
      {
        ...answerPlace({ conversationId, orderId, headerHash }, deviceBytes),
        textHash,
        person: fromHex(personId),
        told: OWN,
        choice,
        done,
        answerHash: answerHash(sealed),
        created: createdMs,
      },
      privateKey,
    );
    const kept = { orderId, conversationId, choice, done, answer, createdMs };
    return { ...kept, stage: "signed", record: bytes, sealed };
  }

  async #post({ orderId, record, sealed }: SignedSending): Promise<AcknowledgementOutcome> {
    const item = { record: copy(record), answer: sealed === null ? null : copy(sealed) };
    try {
      const { api } = this.#context;
      const { outcomes } = await api.acknowledgeOrder(orderId, { acknowledgements: [item] });
      return outcomes[0] ?? "malformed";
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
      await this.#listener.counted(sent, AcknowledgementFormat.parse(sent.record).textHash);
      return;
    }
    if (outcome === "wrong_time" && (await this.#resign(order, sent))) return;
    if (outcome === "superseded") await this.#delete(orderId);
    else {
      const { conversationId, choice, done, answer, createdMs } = sent;
      const kept = { orderId, conversationId, choice, done, answer, createdMs };
      await this.#put({ ...kept, stage: "refused", outcome });
    }
    await this.#listener.ask(orderId).catch(() => undefined);
    this.#listener.changed(orderId);
  }

  /** The device's clock was wrong: sign again with the department's time. False: it was not. */
  async #resign(order: OrderRecord, sent: SignedSending): Promise<boolean> {
    const { time } = this.#context;
    await time.anchor();
    const createdMs = time.requireNow();
    if (Math.abs(createdMs - sent.createdMs) < 60_000) return false;
    await this.#put(await this.#sign(order, { ...sent, createdMs }, sent.sealed));
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
