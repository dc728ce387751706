/** Cursors of devices and receipts of people, in conversations of at most 256 people as in larger ones. */
import type { DeviceId, PersonId } from "../../src/ids.ts";
import { RECEIPT_PEOPLE } from "../../src/wire.ts";
import type * as wire from "../../src/wire.ts";
import { keyReference } from "../../src/keys/conversation-key.ts";
import { KIND_CONVERSATION_KEY } from "../../src/keys/key-share.ts";
import { newest } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import type { ConversationState } from "./state.ts";

const MOST_COUNTS = 8;

export class Receipts {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  /** Cursors never go back. */
  store(device: DeviceId, updates: readonly wire.CursorUpdate[]): void {
    const client = this.#server.people.clientOf(device);
    if (client === null) return;
    for (const update of updates) {
      const conversation = this.#server.state.conversations.get(update.conversationId);
      if (conversation === undefined || !newest(conversation).leaves.has(device)) continue;
      const known = conversation.cursors.get(device) ?? { deliveredSeq: 0, readSeq: 0 };
      const last = conversation.log.length;
      const next = {
        deliveredSeq: Math.min(last, Math.max(known.deliveredSeq, update.deliveredSeq)),
        readSeq: Math.min(last, Math.max(known.readSeq, update.readSeq)),
      };
      if (next.deliveredSeq === known.deliveredSeq && next.readSeq === known.readSeq) continue;
      conversation.cursors.set(device, next);
      conversation.receiptsVersion += 1;
      this.#tell(conversation, client.personId);
    }
  }

  /** How far a person has come, over all their devices. */
  of(conversation: ConversationState, personId: PersonId): wire.Receipt {
    const come = this.#devices(conversation, personId);
    const deliveredSeq = highest(come.map((one) => one.deliveredSeq));
    const asked = new Set(come.flatMap(({ asks }) => [...asks]));
    const lacks = [...asked].map((key) => {
      const others = come.filter(({ asks }) => !asks.has(key));
      return { key, deliveredSeq: highest(others.map((one) => one.deliveredSeq)) };
    });
    return {
      personId,
      deliveredSeq,
      readSeq: highest(come.map((one) => one.readSeq)),
      lacks: lacks.filter((one) => one.deliveredSeq < deliveredSeq),
    };
  }

  /** A person's cursors, with the conversation keys that each device asks for. */
  #devices(conversation: ConversationState, personId: PersonId) {
    return this.#server.people.clientsOf(personId).flatMap(({ device }) => {
      const cursor = conversation.cursors.get(device);
      const asked = conversation.shareAsks.get(device)?.references.values() ?? [];
      const keys = [...asked].filter(({ kind }) => kind === KIND_CONVERSATION_KEY);
      const asks = new Set(keys.map(({ reference }) => reference));
      return cursor === undefined ? [] : [{ ...cursor, asks }];
    });
  }

  /** A device asks for other keys than before. */
  askedOtherwise(conversation: ConversationState, personId: PersonId): void {
    conversation.receiptsVersion += 1;
    this.#tell(conversation, personId);
  }

  #tell(conversation: ConversationState, personId: PersonId): void {
    const { receiptsVersion } = conversation;
    const conversationId = conversation.id;
    const people = [...conversation.members.values()].filter(({ removedMs }) => removedMs === null);
    if (people.length > RECEIPT_PEOPLE) return;
    const receipt = this.of(conversation, personId);
    this.#server.live.pushAll(conversation, () => ({
      ...{ t: "receipts", conversationId, receipts: [receipt], receiptsVersion },
    }));
  }

  /** The counts of a person's newest messages, or of the one with this seq. */
  counts(
    conversation: ConversationState,
    personId: PersonId,
    seq: number | null,
  ): wire.CountedReceipts {
    const own = conversation.log.filter((one) => one.personId === personId);
    const chosen =
      seq === null ? own.slice(-MOST_COUNTS) : own.filter((one) => one.entry.seq === seq);
    const counts = chosen.reverse().map(({ entry, keyId, people }) => {
      const { seq } = entry;
      const come = [...people].map((one) => ({ one, ...this.of(conversation, one) }));
      const has = come.filter(({ deliveredSeq, lacks }) => {
        const lacked = lacks.find(({ key }) => key === keyReference(keyId));
        return (lacked?.deliveredSeq ?? deliveredSeq) >= seq;
      });
      const listed = new Set(
        [...newest(conversation).leaves.values()].map(({ personId }) => personId),
      );
      const phones = come.filter((each) => has.includes(each) || listed.has(each.one));
      const read = has.filter(({ readSeq }) => readSeq >= seq);
      return {
        ...{ seq, people: people.size, phones: phones.length },
        ...{ delivered: has.length, read: read.length },
      };
    });
    return { counts };
  }
}

function highest(seqs: readonly number[]): number {
  return Math.max(0, ...seqs);
}
