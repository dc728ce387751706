/** Orders of the server in memory: terms beside messages, and acknowledgements judged as the real one does. */
import { equalBytes, fromHex, toHex } from "../../src/octets.ts";
import { idOf, type ConversationId, type MessageId, type PersonId } from "../../src/ids.ts";
import {
  AcknowledgementFormat,
  OWN,
  namesSealed,
  sealedHash,
} from "../../src/keys/acknowledgement.ts";
import type { Acknowledgement } from "../../src/keys/acknowledgement.ts";
import { CLOCKS_MS } from "../../src/keys/format/times.ts";
import type { Header } from "../../src/keys/message.ts";
import { UNREADABLE } from "../../src/limits.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal } from "./refusal.ts";
import type { ServerPorts } from "./ports.ts";
import type { ClientState, ConversationState, OrderState } from "./state.ts";

export class Orders {
  readonly #server: ServerPorts;
  /** Everybody heads everybody, unless a test says otherwise. */
  mayIssue: (personId: PersonId, priority: wire.OrderPriority) => boolean = () => true;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  /** Refuse what no message may say of orders. Before anything is written. */
  require(
    { id, members }: ConversationState,
    caller: ClientState,
    said: wire.SendMessage["order"],
  ) {
    if (said?.t === "order") {
      this.#requireRight(caller.personId, said.priority);
      const admin = members.get(caller.personId)?.admin === true;
      if (said.priority === "flash" && !admin) throw new Refusal("not_admin");
      const over = said.validUntilMs !== null && said.validUntilMs <= this.#server.now();
      if (over) throw new Refusal("order_invalid", { reason: "validity is over" });
    }
    if (said?.t !== "order_change") return;
    const order = this.#server.state.orders.get(said.orderId);
    const readers = said.change === "withdrawn" ? (order?.terms.readers ?? []) : [];
    const own = order?.issuerId === caller.personId || readers.includes(caller.personId);
    if (order?.conversationId !== id || !own)
      throw new Refusal("order_invalid", { reason: "not the issuer's" });
    if (said.change === "corrected") this.#requireRight(caller.personId, order.terms.priority);
  }

  #requireRight(personId: PersonId, priority: wire.OrderPriority): void {
    if (!this.mayIssue(personId, priority))
      throw new Refusal("may_not_issue", { right: `issue_${priority}` });
  }

  issuing({ personId }: ClientState, query: URLSearchParams): wire.Issuing {
    const all = ["routine", "urgent", "flash"] as const;
    const anywhere = all.filter((priority) => this.mayIssue(personId, priority));
    const id = query.get("conversation") as ConversationId | null;
    if (id === null) return { here: [], anywhere };
    const member = this.#server.state.conversations.get(id)?.members.get(personId);
    if (member?.removedMs !== null) throw new Refusal("not_member");
    return { here: anywhere.filter((one) => member.admin || one !== "flash"), anywhere };
  }

  /** Keep the terms that came with an accepted message. */
  note(
    { id }: ConversationState,
    caller: ClientState,
    { header, said }: { readonly header: Header; readonly said: wire.SendMessage["order"] },
    { seq, sentMs }: wire.Accepted,
  ): void {
    const { orders } = this.#server.state;
    if (said?.t === "order") {
      const orderId = idOf<MessageId>(header.message);
      orders.set(orderId, {
        ...{ orderId, conversationId: id, seq, headerHash: header.hash },
        ...{ issuerId: caller.personId, issuedMs: sentMs, terms: said, records: new Map() },
        ...{ texts: [{ seq, headerHash: header.hash }], askedSeq: seq },
        ...{ withdrawnMs: null, remindedMs: null },
      });
    } else if (said?.t === "order_change") {
      const order = orders.get(said.orderId);
      if (order === undefined) return;
      if (said.change === "corrected") {
        order.texts = [...order.texts, { seq, headerHash: header.hash }];
        if (said.asksAgain) order.askedSeq = seq;
      } else {
        order.withdrawnMs = sentMs;
      }
    }
  }

  list(caller: ClientState, query: URLSearchParams): wire.Orders {
    const box = query.get("box");
    const mine = [...this.#server.state.orders.values()].filter((one) => this.#sees(one, caller));
    const views = mine.map((one) => this.#view(one, caller));
    const now = this.#server.now();
    const chosen = views.filter(({ owed, issuerId, terms }) => {
      if (box === "open") return owed && (terms.validUntilMs ?? Infinity) >= now;
      return box === "all" || issuerId === caller.personId;
    });
    const orders = chosen.sort(
      (a, b) => b.issuedMs - a.issuedMs || (a.orderId < b.orderId ? 1 : -1),
    );
    return { orders, next: null };
  }

  one(caller: ClientState, orderId: MessageId): wire.Order {
    return this.#view(this.#find(caller, orderId), caller);
  }

  #find(caller: ClientState, orderId: MessageId): OrderState {
    const order = this.#server.state.orders.get(orderId);
    if (order === undefined || !this.#sees(order, caller)) throw new Refusal("not_found");
    return order;
  }

  #member({ conversationId }: OrderState, personId: PersonId) {
    const member = this.#server.state.conversations.get(conversationId)?.members.get(personId);
    return member?.removedMs === null ? member : null;
  }

  #sees(order: OrderState, { personId }: ClientState): boolean {
    return this.#member(order, personId) !== null;
  }

  #owes(order: OrderState, personId: PersonId): boolean {
    const member = this.#member(order, personId);
    if (member === null || member === undefined || personId === order.issuerId) return false;
    const inTime = member.addedMs <= (order.terms.validUntilMs ?? Infinity);
    return inTime && member.historyFromMs <= order.issuedMs;
  }

  #answered(order: OrderState, record: Acknowledgement | undefined): boolean {
    if (record === undefined) return false;
    return (order.texts[placeOf(order, record)]?.seq ?? 0) >= order.askedSeq;
  }

  #view(order: OrderState, { personId }: ClientState): wire.Order {
    const { records, ...said } = order;
    const kept = records.get(personId) ?? null;
    const admin = this.#member(order, personId)?.admin === true;
    return {
      ...said,
      escalatedMs: null,
      owed:
        !this.#answered(order, kept?.record) &&
        order.withdrawnMs === null &&
        this.#owes(order, personId),
      acknowledgement:
        kept === null
          ? null
          : {
              ...{ record: kept.record.bytes, signerId: kept.toldBy ?? personId },
              firstCreatedMs: kept.firstCreatedMs,
            },
      overseen: admin || order.issuerId === personId,
      reminds: admin || order.issuerId === personId,
    };
  }

  /** The rule is the server's (tests/orders/test_reminding.py). */
  remind(caller: ClientState, orderId: MessageId, body: wire.RemindOfOrder): wire.OrderReminded {
    const order = this.#find(caller, orderId);
    if (order.remindedMs === body.remindedMs) order.remindedMs = this.#server.now();
    return { remindedMs: order.remindedMs ?? 0 };
  }

  async acknowledge(
    caller: ClientState,
    orderId: MessageId,
    { acknowledgements }: wire.SubmitAcknowledgements,
  ): Promise<wire.AcknowledgementOutcomes> {
    const order = this.#find(caller, orderId);
    const outcomes: wire.AcknowledgementOutcome[] = [];
    for (const item of acknowledgements) outcomes.push(await this.#take(order, caller, item));
    return { outcomes };
  }

  async #take(
    order: OrderState,
    caller: ClientState,
    { record: bytes, answer, photo }: wire.AcknowledgementItem,
  ): Promise<wire.AcknowledgementOutcome> {
    let record: Acknowledgement;
    try {
      record = AcknowledgementFormat.parse(bytes);
      await AcknowledgementFormat.verify(record, caller.publicKey);
    } catch {
      return "malformed";
    }
    if (toHex(record.device) !== caller.device) return "wrong_device";
    const personId = idOf<PersonId>(record.person);
    const kept = order.records.get(personId);
    const outcome = this.#judge(order, record, { answer, photo, kept });
    if (outcome !== "counted") return outcome;
    if (record.told === OWN && personId !== caller.personId) return "wrong_device";
    if (!this.#owes(order, personId)) return "not_owed";
    const known = order.records.get(personId);
    if (known !== undefined && equalBytes(known.record.bytes, record.bytes)) return "counted";
    const later = known === undefined ? 1 : placeOf(order, record) - placeOf(order, known.record);
    if (later < 0) return "superseded";
    if (later === 0 && known !== undefined && !beats(record, known.record)) return "superseded";
    const { attachmentId = null } = photo ?? {};
    if (
      attachmentId !== null &&
      !this.#server.attachments.sent(attachmentId, order.orderId, caller)
    )
      return "photo_missing";
    const toldBy = record.told === OWN ? null : caller.personId;
    const acknowledged =
      known !== undefined &&
      this.#answered(order, known.record) &&
      known.record.choice !== UNREADABLE &&
      known.record.told === record.told;
    const firstCreatedMs = acknowledged ? known.firstCreatedMs : record.created;
    const receivedMs = this.#server.now();
    const parts = {
      answer: answer ?? (namesSealed(record.answerHash) ? (known?.answer ?? null) : null),
      photo: photo ?? (namesSealed(record.photoHash) ? (known?.photo ?? null) : null),
    };
    order.records.set(personId, { record, ...parts, toldBy, receivedMs, firstCreatedMs });
    for (const { device } of this.#server.people.clientsOf(personId))
      if (device !== caller.device)
        this.#server.live.push(device, { t: "order_acknowledged", orderId: order.orderId });
    return "counted";
  }

  #judge(
    order: OrderState,
    record: Acknowledgement,
    { answer, photo, kept }: SealedParts,
  ): wire.AcknowledgementOutcome {
    const named =
      equalBytes(record.conversation, fromHex(order.conversationId)) &&
      equalBytes(record.messageId, fromHex(order.orderId)) &&
      equalBytes(record.headerHash, order.headerHash) &&
      placeOf(order, record) >= 0;
    if (!named) return "wrong_order";
    const { choices, items, answers, validUntilMs } = order.terms;
    const asked = order.terms.photo;
    const least = choices > 0 && record.told === OWN ? 1 : 0;
    const unreadable = record.choice === UNREADABLE;
    if (!unreadable && (record.choice < least || record.choice > choices)) return "wrong_choice";
    if (record.done >= 1 << items) return "wrong_choice";
    const may = answers && !unreadable;
    if (!isHere(record.answerHash, answer, kept?.record.answerHash, may)) return "wrong_answer";
    const sealed = photo?.sealed ?? null;
    if (!isHere(record.photoHash, sealed, kept?.record.photoHash, asked)) return "wrong_photo";
    const now = this.#server.now();
    if (record.created < order.issuedMs - CLOCKS_MS || record.created > now + CLOCKS_MS)
      return "wrong_time";
    if (record.created > (order.withdrawnMs ?? Infinity)) return "withdrawn";
    return record.created > (validUntilMs ?? Infinity) ? "too_late" : "counted";
  }
}

interface SealedParts {
  readonly answer: Uint8Array | null;
  readonly photo: wire.SealedPhoto | null;
  readonly kept: { readonly record: Acknowledgement } | undefined;
}

/** Whether the sealed part that a record names came with it, or with the record that it replaces. */
function isHere(
  named: Uint8Array,
  given: Uint8Array | null,
  kept: Uint8Array | undefined,
  may: boolean,
): boolean {
  if (!namesSealed(named)) return given === null;
  const here = given === null ? (kept ?? sealedHash(null)) : sealedHash(given);
  return may && equalBytes(named, here);
}

/** The place of the text that a record answers; -1: none of the order. */
function placeOf({ texts }: OrderState, { textHash }: Acknowledgement): number {
  return texts.findIndex(({ headerHash }) => equalBytes(headerHash, textHash));
}

function beats(one: Acknowledgement, other: Acknowledgement): boolean {
  const readable = one.choice !== UNREADABLE;
  if (readable !== (other.choice !== UNREADABLE)) return readable;
  if (one.told !== other.told) return one.told === OWN;
  if (one.created !== other.created) return one.created > other.created;
  return toHex(one.bytes) > toHex(other.bytes);
}
