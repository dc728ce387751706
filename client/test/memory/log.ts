/** The log of the server in memory: rule D1, pages in both directions, and what readers need beside. */
import { equalBytes, fromHex, toHex } from "../../src/octets.ts";
import { hash, ZEROS } from "../../src/keys/format/hashing.ts";
import { idOf, type DeviceId, type KeyId, type MessageId } from "../../src/ids.ts";
import {
  HeaderFormat,
  LOG_START,
  MESSAGE_KIND,
  SIGNED_HEADER_BYTES,
  nextLogHash,
  parseMessage,
  type Message,
} from "../../src/keys/message.ts";
import { CLOCKS_MS, HOUR_MS } from "../../src/keys/format/times.ts";
import { MAY_ADMINISTER, MAY_ISSUE, MAY_SEND } from "../../src/keys/roster/leaf.ts";
import { KEY_MESSAGES } from "../../src/wire.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal, checked } from "./refusal.ts";
import { leafOf, newest } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import type { ClientState, ConversationState, LogState } from "./state.ts";

/** D1 takes messages under keys that S2 no longer chooses. */
const KEY_MS = 25 * HOUR_MS;
const MOST_IN_PAGE = 200;

export class Log {
  readonly #server: ServerPorts;
  /** A hostile server takes what D1 refuses: for tests of what receivers do. */
  takesAnything = false;
  /** The department's word on who may export. */
  exports: "members" | "nobody" = "members";
  /** The same for older keys alone. */
  takesOldKeys = false;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  async post(
    conversation: ConversationState,
    caller: ClientState,
    body: wire.SendMessage,
  ): Promise<wire.Accepted> {
    const message = await checked("message_invalid", () =>
      parseMessage(body.message, fromHex(conversation.id)),
    );
    const { header } = message;
    const messageId = toHex(header.message);
    const known = conversation.log.find((one) => one.messageId === messageId);
    if (known !== undefined && equalBytes(signed(known.entry.message), signed(body.message)))
      return { seq: known.entry.seq, sentMs: known.entry.sentMs };
    const said = body.order;
    this.#server.orders.require(conversation, caller, said);
    if (!this.takesAnything) await this.#requireD1(conversation, caller, message, body);
    if (known !== undefined && !this.takesAnything)
      throw new Refusal("message_invalid", { rule: "D6" });
    if (body.exported !== null && this.exports === "nobody") throw new Refusal("exports_off");
    if (header.kind >= MESSAGE_KIND.edit) this.#mark(conversation, caller, header);
    const accepted = this.#append(conversation, caller, message, body);
    if (body.exported !== null) conversation.exports.push(body.exported);
    this.#server.orders.note(conversation, caller, { header, said }, accepted);
    return accepted;
  }

  /** M2 and M3, as the server judges them. */
  #mark(conversation: ConversationState, caller: ClientState, header: Message["header"]): void {
    const marked = idOf<MessageId>(header.marked);
    const found = conversation.log.find((one) => one.messageId === marked);
    if (found === undefined) return;
    const { entry, personId, kind } = found;
    if (header.kind === MESSAGE_KIND.edit) {
      const dropped = entry.message.length === SIGNED_HEADER_BYTES;
      if (dropped && !this.takesAnything) throw new Refusal("message_invalid", { rule: "M2" });
      return;
    }
    if (kind !== MESSAGE_KIND.plain && !this.takesAnything) return;
    const late = this.#server.now() > entry.sentMs + 48 * HOUR_MS;
    const admin = ((leafOf(conversation, caller.device)?.rights ?? 0) & MAY_ADMINISTER) !== 0;
    if (!this.takesAnything) {
      if ((personId !== caller.personId || late) && !admin) throw new Refusal("not_admin");
    }
    for (const one of conversation.log)
      if (one === found || (one.marked === marked && one.kind === MESSAGE_KIND.edit))
        one.entry = { ...one.entry, message: signed(one.entry.message).slice() };
  }

  #append(
    conversation: ConversationState,
    caller: ClientState,
    { header }: Message,
    body: wire.SendMessage,
  ): wire.Accepted {
    const keyId = idOf<KeyId>(header.key);
    const key = this.#server.keys.byId(conversation, keyId);
    const seq = conversation.log.length + 1;
    const sentMs = this.#server.now();
    const entry = { conversationId: conversation.id, seq, sentMs, message: body.message };
    const before = conversation.log.at(-1)?.logHash ?? LOG_START;
    const members = [...conversation.members].filter(([, { removedMs }]) => removedMs === null);
    const others = members.map(([personId]) => personId).filter((one) => one !== caller.personId);
    conversation.log.push({
      ...{ entry, messageId: idOf<MessageId>(header.message), personId: caller.personId },
      ...{ device: caller.device, epoch: header.epoch, keyId, people: new Set(others) },
      acceptedEpoch: conversation.epoch,
      kind: header.kind,
      marked: idOf<MessageId>(header.marked),
      logHash: nextLogHash(before, header.hash),
    });
    const signed = body.message.slice(0, SIGNED_HEADER_BYTES);
    conversation.chains.set(caller.device, { seq: header.seq, header: signed, hash: header.hash });
    if (key !== null) key.messages += 1;
    if (body.state) {
      conversation.stateSeq = seq;
      conversation.infoVersion += 1;
    }
    void this.#server.inTurn(() => this.#push(conversation, entry));
    return { seq, sentMs };
  }

  async #push(conversation: ConversationState, entry: wire.LogEntry): Promise<void> {
    const stored = conversation.log[entry.seq - 1];
    if (stored === undefined) return;
    const { live } = this.#server;
    const news = live.isNews(conversation, stored.device, stored.epoch);
    const supplement = news ? await this.#supplement(conversation, stored) : null;
    live.pushAll(conversation, () => ({ t: "entry", entry, supplement }));
  }

  async #requireD1(
    conversation: ConversationState,
    caller: ClientState,
    { header, body }: Message,
    posted: wire.SendMessage,
  ): Promise<void> {
    const leaf = leafOf(conversation, caller.device);
    if (leaf === null) throw new Refusal("not_member");
    if ((leaf.rights & MAY_SEND) === 0) throw new Refusal("may_not_send");
    if (posted.state && (leaf.rights & MAY_ADMINISTER) === 0) throw new Refusal("not_admin");
    const { order } = posted;
    if (order?.t === "order" && (leaf.rights & MAY_ISSUE[order.priority]) === 0) {
      await this.#server.rosters.refresh(conversation);
      throw new Refusal("stale_head", { epoch: conversation.epoch });
    }
    this.#server.judge.requireConfirmed(caller);
    if (toHex(header.sender) !== caller.device)
      throw new Refusal("message_invalid", { rule: "D1" });
    await checked("message_invalid", () => HeaderFormat.verify(header, caller.publicKey));
    if (!equalBytes(hash(body), header.body)) throw new Refusal("message_invalid", { rule: "R3" });
    this.#requireNewestHead(conversation, header);
    this.#requireKey(conversation, header);
    this.#requireNext(conversation, caller.device, header);
    if (!posted.attachmentIds.every((id) => this.#server.attachments.ready(id, conversation.id)))
      throw new Refusal("attachment_incomplete");
  }

  #requireNewestHead(conversation: ConversationState, header: Message["header"]): void {
    const now = this.#server.now();
    const roster = conversation.rosters.get(header.epoch);
    const lately = roster !== undefined && now - (roster.supersededMs ?? now) <= CLOCKS_MS;
    const same = roster !== undefined && equalBytes(roster.head.hash, header.head);
    if (!lately || !same || Math.abs(now - header.sent) > CLOCKS_MS)
      throw new Refusal("stale_head", { epoch: conversation.epoch });
  }

  #requireKey(conversation: ConversationState, header: Message["header"]): void {
    const key = this.#server.keys.byId(conversation, idOf(header.key));
    const usable =
      key !== null &&
      key.epoch >= newest(conversation).head.rekeyEpoch &&
      this.#server.now() - key.createdMs < KEY_MS &&
      key.messages < KEY_MESSAGES;
    if (key === null || (!usable && !this.takesOldKeys)) throw new Refusal("stale_key");
    // The server does not take a message that R6 would refuse either.
    if (key !== null && key.epoch > header.epoch)
      throw new Refusal("message_invalid", { rule: "R6" });
  }

  #requireNext(conversation: ConversationState, device: DeviceId, header: Message["header"]): void {
    const chain = conversation.chains.get(device);
    const next = header.seq === (chain?.seq ?? 0) + 1;
    if (!next || !equalBytes(header.previous, chain?.hash ?? ZEROS))
      throw new Refusal("not_next", { seq: chain?.seq ?? 0 });
    if (header.attempt < 1) throw new Refusal("message_invalid", { rule: "R5" });
  }

  // --- Reading --------------------------------------------------------------------------------

  chain(conversation: ConversationState, device: DeviceId): wire.SenderChain {
    return { header: conversation.chains.get(device)?.header ?? null };
  }

  /** Entries after a position; null: it is not one of this log. */
  missed(conversation: ConversationState, seq: number): readonly LogState[] | null {
    return seq > conversation.log.length ? null : conversation.log.slice(seq);
  }

  /** A page after or before a seq, from the caller's history_from on. */
  async page(
    conversation: ConversationState,
    caller: ClientState,
    query: URLSearchParams,
  ): Promise<wire.LogPage> {
    const member = conversation.members.get(caller.personId);
    if (member === undefined || leafOf(conversation, caller.device) === null)
      throw new Refusal("not_member");
    const limit = Math.min(Number(query.get("limit") ?? MOST_IN_PAGE), MOST_IN_PAGE);
    const readable = conversation.log.filter(({ entry }) => entry.sentMs >= member.historyFromMs);
    const before = query.get("before");
    const after = Number(query.get("after") ?? 0);
    const wanted = readable.filter(({ entry }) =>
      before === null ? entry.seq > after : entry.seq < Number(before),
    );
    const entries = before === null ? wanted.slice(0, limit) : wanted.slice(-limit);
    // A page without entries gets L where the log ends, so that a newcomer can continue from there.
    const first = entries[0]?.entry.seq ?? conversation.log.length + 1;
    const beside = this.#beside(conversation, entries, true);
    return {
      entries: entries.map(({ entry }) => entry),
      ...{ heads: beside.heads, proofs: beside.proofs },
      keys: [...new Set(entries.map(({ keyId }) => keyId))].flatMap((keyId) => {
        const key = this.#server.keys.byId(conversation, keyId);
        return key === null ? [] : [this.#server.keys.item(conversation, key, caller)];
      }),
      logHash: conversation.log[first - 2]?.logHash ?? LOG_START,
      lastSeq: conversation.log.length,
      more: wanted.length > entries.length,
    };
  }

  /**
   * Heads and proofs that these entries use: of each header's head and its key's, and of the highest
   * that an earlier entry names (R2).
   */
  #beside(
    conversation: ConversationState,
    entries: readonly LogState[],
    records: boolean,
  ): { readonly heads: Uint8Array[]; readonly proofs: wire.EpochProof[] } {
    const epochs = new Set<number>();
    const proofs = new Map<string, wire.EpochProof>();
    for (const { entry, device, epoch, keyId } of entries) {
      const named = conversation.log.slice(0, entry.seq - 1).map((one) => one.epoch);
      const highest = Math.max(epoch, ...named);
      const keyEpoch = this.#server.keys.byId(conversation, keyId)?.epoch;
      for (const one of [epoch, highest, ...(records && keyEpoch !== undefined ? [keyEpoch] : [])])
        epochs.add(one);
      for (const one of [epoch, highest]) {
        const proof = this.#server.rosters.prove(conversation, one, device);
        if (proof !== null) proofs.set(`${device}/${String(one)}`, { epoch: one, proof });
      }
    }
    const heads = [...epochs]
      .sort((a, b) => a - b)
      .flatMap((epoch) => {
        const roster = conversation.rosters.get(epoch);
        return roster === undefined ? [] : [roster.head.bytes];
      });
    return { heads, proofs: [...proofs.values()] };
  }

  async #supplement(conversation: ConversationState, stored: LogState): Promise<wire.Supplement> {
    const { heads, proofs } = this.#beside(conversation, [stored], true);
    const people = await this.#server.trust.bundles([stored.personId], false);
    return { heads, proofs, people };
  }
}

/** Header and signature, which a message without its body keeps. */
function signed(message: Uint8Array): Uint8Array {
  return message.subarray(0, SIGNED_HEADER_BYTES);
}
