/** Cursors of devices and receipts of people, in conversations of at most 256 people as in larger ones. */
import type { DeviceId, PersonId } from "../../src/ids.ts";
import { RECEIPT_PEOPLE } from "../../src/wire.ts";
import type * as wire from "../../src/wire.ts";
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

  delivered(conversation: ConversationState, personId: PersonId): number {
    return this.#highest(conversation, personId, "deliveredSeq");
  }

  read(conversation: ConversationState, personId: PersonId): number {
    return this.#highest(conversation, personId, "readSeq");
  }

  #highest(
    conversation: ConversationState,
    personId: PersonId,
    which: "deliveredSeq" | "readSeq",
  ): number {
    const clients = this.#server.people.clientsOf(personId);
    const seqs = clients.map(({ device }) => conversation.cursors.get(device)?.[which] ?? 0);
    return Math.max(0, ...seqs);
  }

  #tell(conversation: ConversationState, personId: PersonId): void {
    const { receiptsVersion } = conversation;
    const conversationId = conversation.id;
    const people = [...conversation.members.values()].filter(({ removedMs }) => removedMs === null);
    if (people.length > RECEIPT_PEOPLE) return;
    const receipt = {
      personId,
      deliveredSeq: this.delivered(conversation, personId),
      readSeq: this.read(conversation, personId),
    };
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
    const counts = chosen.reverse().map(({ entry, people }) => ({
      seq: entry.seq,
      people: people.size,
      delivered: [...people].filter((one) => this.delivered(conversation, one) >= entry.seq).length,
      read: [...people].filter((one) => this.read(conversation, one) >= entry.seq).length,
    }));
    return { counts };
  }
}
