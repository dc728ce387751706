/**
 * Sending signed bytes, and what the server's refusals of them mean (S6, S7): the same message is signed
 * again with the next attempt after the newest head and key have been looked up again. A refusal for a time, such as
 * `rate_limited`, is the outbox's: it waits and sends the same bytes.
 */
import type { Conversation } from "../conversation/conversation.ts";
import { ownHeader } from "../conversation/own-chain.ts";
import type { UnitOfWork } from "../conversation/unit-of-work.ts";
import type { DeviceContext } from "../context.ts";
import { hasCode } from "../failure.ts";
import { decodeContent, pointersOf, type Decoded } from "../kinds/content.ts";
import { callsEverybody } from "../kinds/called.ts";
import { clearExport } from "../kinds/exported.ts";
import { noteOrder } from "../orders/noting.ts";
import { clearTerms } from "../orders/record.ts";
import { idOf, type KeyId, type MessageId } from "../ids.ts";
import { HeaderFormat, SIGNED_HEADER_BYTES, bodyKey, type Header } from "../keys/message.ts";
import { mayAdminister } from "../keys/roster/leaf.ts";
import { copy, equalBytes } from "../octets.ts";
import { applyMark, noteLive } from "../messages/marks.ts";
import { applyState } from "../messages/state.ts";
import type { ReadyMessage, SignedMessage } from "../records.ts";
import type { Accepted } from "../wire.ts";
import { mentionedPeople } from "./mentions.ts";
import type { Doubts } from "./signing.ts";
import { acceptedMessage, putOutgoing, type OutgoingStore } from "../messages/outgoing.ts";

export class MessageSender {
  readonly #context: DeviceContext;
  readonly #outgoing: OutgoingStore;
  /** An own order is stored, or an own change of one. */
  readonly #onOrder: (orderId: MessageId) => void;

  constructor(
    context: DeviceContext,
    outgoing: OutgoingStore,
    onOrder: (orderId: MessageId) => void,
  ) {
    this.#context = context;
    this.#outgoing = outgoing;
    this.#onOrder = onOrder;
  }

  /** Send the key that the message begins, if any, then the message. Identical bytes each time. */
  async send(conversation: Conversation, record: SignedMessage): Promise<Accepted> {
    const { api } = this.#context;
    const { key, message } = record;
    if (key !== null) {
      const { record: made, seals, leftOut } = key;
      await api.submitKey(conversation.id, { record: made, seals, leftOut: [...leftOut] });
      await this.#restage(conversation, { ...record, key: null });
    }
    const content = decodeContent(record.content);
    const attachmentIds = pointersOf(content).map(({ id }) => id);
    await conversation.loadMembers();
    return api.sendMessage(conversation.id, {
      wakes: await mentionedPeople(this.#context, conversation, content),
      everybody: callsEverybody(content),
      message: copy(message),
      attachmentIds,
      state: record.state,
      quiet: record.quiet,
      order: clearTerms(content),
      exported: content.kind === "exported" ? clearExport(content) : null,
    });
  }

  /** The server has accepted it, at this place of the log. */
  accepted(conversation: Conversation, record: SignedMessage, at: Accepted): Promise<void> {
    return conversation.change(async (work) => {
      // The log may have told us already.
      const own = this.#outgoing.find(record.messageId);
      if (own === null) return;
      const header = HeaderFormat.parse(record.message.subarray(0, SIGNED_HEADER_BYTES));
      if (header.seq > work.record.chain.seq)
        work.set({ chain: { seq: header.seq, hash: header.hash } });
      const content = decodeContent(own.content);
      const keyId = idOf<KeyId>(header.key);
      const key = await conversation.keys.find(work, keyId);
      const head = await conversation.heads.find(work, header.epoch);
      const listed =
        head === null ? null : conversation.heads.known(head, this.#context.identity().device);
      const secret = key?.secret ?? null;
      if (content.kind === "state" && secret !== null && listed !== null) {
        await applyState(this.#context, work, content, {
          messageId: own.messageId,
          position: at.seq,
          sentMs: at.sentMs,
          leaf: listed.leaf,
          header,
          k: bodyKey(header, secret),
        });
      }
      if (content.kind === "live") {
        const { device } = this.#context.identity();
        await noteLive(conversation, work, own.messageId, device, at.seq);
      }
      const rights = listed?.leaf.rights ?? 0;
      await this.#note(work, own.messageId, header, content, { ...at, rights });
      if (content.kind === "mark") {
        const { personId, deviceBytes } = this.#context.identity();
        const { seq: position, sentMs } = at;
        const admin = listed !== null && mayAdminister(listed.leaf);
        const signer = { device: deviceBytes, epoch: header.epoch, admin, personId };
        const place = { signedMs: header.sent, position, sentMs, markId: own.messageId };
        await applyMark(this.#context, conversation, work, content, { ...signer, ...place });
      }
      const accepted = { ...at, key: keyId };
      await acceptedMessage(this.#context, this.#outgoing, conversation, work, own, accepted);
    });
  }

  #note(
    work: UnitOfWork,
    messageId: MessageId,
    { hash: headerHash }: Header,
    content: Decoded,
    { seq, sentMs, rights }: Accepted & { readonly rights: number },
  ): Promise<void> {
    const { vault, identity, time, now } = this.#context;
    const { personId } = identity();
    const noting = { vault, self: personId, nowMs: time.now() ?? now(), onNoted: this.#onOrder };
    return noteOrder(noting, work, {
      messageId,
      seq,
      sentMs,
      personId,
      rights,
      headerHash,
      content,
    });
  }

  /**
   * Whether these bytes were certainly not accepted and the message is to be signed again (S6). It is
   * back at stage "ready" then.
   */
  async again(
    conversation: Conversation,
    record: SignedMessage,
    error: unknown,
    doubts: Doubts,
  ): Promise<boolean> {
    if (hasCode(error, "stale_head", "stale_record", "seals_invalid")) {
      doubts.staleHead = true;
    } else if (hasCode(error, "stale_key")) {
      doubts.staleHead = true;
      doubts.staleKeys.add(keyOf(record));
    } else if (hasCode(error, "not_next")) {
      if (!(await this.#takeUpChain(conversation, record))) return false;
    } else if (hasCode(error, "have_key")) {
      // It is usable after all, whatever was said before.
      doubts.staleKeys.clear();
    } else {
      return false;
    }
    await this.#restage(conversation, readyAgain(record));
    return true;
  }

  /**
   * S7: continue from the last header that the server has of this device, if it bears this device's own
   * signature and is higher than here. False: the header is that of this very message, so it was
   * accepted and the log will tell; or it is lower, and the log tells whether a backup was restored.
   */
  async #takeUpChain(conversation: Conversation, record: SignedMessage): Promise<boolean> {
    const header = await ownHeader(this.#context, conversation);
    const sent = record.message.subarray(0, SIGNED_HEADER_BYTES);
    if (header !== null && equalBytes(sent, header.bytes)) return false;
    return conversation.change((work) => {
      const { seq } = work.record.chain;
      if ((header?.seq ?? 0) < seq) return Promise.resolve(false);
      if (header !== null && header.seq > seq)
        work.set({ chain: { seq: header.seq, hash: header.hash } });
      return Promise.resolve(true);
    });
  }

  #restage(conversation: Conversation, record: ReadyMessage | SignedMessage): Promise<void> {
    return conversation.change(async (work) => {
      if (this.#outgoing.find(record.messageId) === null) return;
      work.changes.push(putOutgoing(record));
      work.afterwards.push(() => this.#outgoing.set(record));
    });
  }
}

function readyAgain(record: SignedMessage): ReadyMessage {
  return { ...record, stage: "ready", seq: null, message: null, key: null };
}

function keyOf({ message }: SignedMessage): KeyId {
  return idOf<KeyId>(HeaderFormat.parse(message.subarray(0, SIGNED_HEADER_BYTES)).key);
}
