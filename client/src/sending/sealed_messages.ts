/**
 * Messages of a conversation of several cells: sealed once for all of them.
 *
 * The chain of this device (cells/sender.ts) holds the message that is on its way, with its key: it
 * is stored in one transaction with the outbox's record before it is posted. Until the DS has it or
 * refuses it for good it keeps its id, seq, key and body, whatever is sealed anew.
 */
import { decode, encode } from "@msgpack/msgpack";
import { kemOfSuite } from "../cells/kem.ts";
import { encodeSeal, encodeSignedHeader } from "../cells/message.ts";
import type { CellKeyRecord } from "../cells/record.ts";
import { SenderChain } from "../cells/sender.ts";
import type { SealedMessage } from "../cells/seal.ts";
import { Work } from "../conversation.ts";
import type { Conversation } from "../conversation.ts";
import { CoreFailure, hasCode } from "../failure.ts";
import { concat, toHex } from "../octets.ts";
import { readersOf } from "../readers.ts";
import type { OutgoingRecord } from "../records.ts";
import { CellRosterCopy } from "../roster/cell-roster-copy.ts";
import { refreshKeys } from "../several_cells/cell_keys.ts";
import { keyFor, keysDue, keysRefused, unreachedBy } from "../several_cells/good_keys.ts";
import { chainOf, pendingHeader } from "../several_cells/own_chain.ts";
import { freshRoster } from "../several_cells/roster_part.ts";
import { Alarm } from "../stops.ts";
import { platformEd25519 } from "../trust/ed25519.ts";
import type { Accepted } from "../wire.ts";
import { Way } from "./way.ts";

/**
 * Keys are asked for anew after this time, or when the DS says that they are not current. It takes
 * seals to the epoch before for longer, which who has just come in cannot open.
 */
const KEYS_GOOD_MS = 2_000;
/** Sealing for fewer cells is over before anybody could see progress. */
const TOLD_CELLS = 32;

/** What goes with the bytes of the chain: the same at every repetition. */
interface Beside {
  readonly certificate: Uint8Array;
  readonly senderProof: Uint8Array;
}

/** Refusals after which the message certainly is not in the log and is sealed anew. */
const SEAL_AGAIN = [
  "stale_epoch",
  "stale_roster",
  "removal_pending",
  "chain_broken",
  "wrong_mode",
  "sealed_invalid",
  "not_member",
];

export class SealedMessages extends Way {
  async encrypt(
    conversation: Conversation,
    record: OutgoingRecord,
  ): Promise<OutgoingRecord | null> {
    if (!(await this.#ready(conversation))) return null;
    const roster = conversation.roster;
    const { keys } = conversation;
    if (!(roster instanceof CellRosterCopy) || keys === null) return null;
    const due = keysDue(this.context, keys);
    const sealed = await this.#sealed(conversation, record, roster, due);
    const work = new Work(conversation);
    work.chain = sealed.state;
    work.set({ unreached: unreachedBy(keys, due) });
    const { certificate, certificateHash } = this.context.account();
    const senderProof = roster.inclusionProof(certificateHash);
    if (senderProof === null) return null;
    const encrypted: OutgoingRecord = {
      ...record,
      stage: "encrypted",
      sealed: true,
      payload: encode({ certificate, senderProof } satisfies Beside),
    };
    return this.keep(conversation, work, encrypted, true);
  }

  /** Everything that a message is sealed with, as it is now. */
  async #ready(conversation: Conversation): Promise<boolean> {
    const context = this.context;
    // Which epoch has no key yet, the entry says with which other cells came beside ours.
    if (conversation.heads === null && !conversation.inStep) await this.catchUp(conversation);
    const pending = conversation.pending !== null;
    if (pending || (conversation.group?.pendingRemovals.length ?? 0) > 0) {
      // Who comes to pending Removes commits them before sending.
      conversation.duty = true;
      await this.membership.settle(conversation);
    }
    if (conversation.group === null || conversation.record.state !== "ready") return false;
    const guarded = await this.membership.guard(conversation, async () => {
      if (!(await freshRoster(context, conversation))) {
        this.membership.attend(conversation);
        return false;
      }
      await this.membership.publishKey(conversation);
      await refreshKeys(context, conversation, KEYS_GOOD_MS);
      // The keys came with the newest head: who is in our own cell is held against that one.
      if (!(await freshRoster(context, conversation))) {
        this.membership.attend(conversation);
        return false;
      }
      return readersOf(conversation, context.account().personId) === "ok";
    });
    return guarded === true;
  }

  async #sealed(
    conversation: Conversation,
    record: OutgoingRecord,
    { head }: CellRosterCopy,
    keys: readonly CellKeyRecord[],
  ): Promise<SenderChain> {
    const { certificateHash, signaturePrivateKey } = this.context.account();
    const ed25519 = await platformEd25519();
    const sign = (message: Uint8Array) => ed25519.sign(signaturePrivateKey, message);
    const roster = { epoch: head.epoch, hash: head.hash };
    const state = chainOf(conversation);
    const on = pendingHeader(state);
    const { messageId, conversationId } = record;
    const onProgress = (done: number, total: number): void => {
      if (total < TOLD_CELLS) return;
      this.context.emit({ type: "sealing", conversationId, messageId, done, total });
    };
    if (on?.messageId === record.messageId && on.sender === certificateHash) {
      const chain = SenderChain.open(state);
      const held = new Map(chain.pending?.seals.map((seal) => [seal.cellId, seal.keyId]));
      const due = new Set(keys.map(({ cellId }) => cellId));
      const without = [...held.keys()].filter((cellId) => !due.has(cellId));
      const records = keys.filter((key) => held.get(key.cellId) !== key.keyId);
      await chain.reseal({ records, without, roster }, sign, { onProgress });
      return chain;
    }
    // Whatever else was on its way was refused for good, or taken back.
    const chain = SenderChain.open({ ...state, pending: null });
    await chain.seal(
      {
        kem: kemOfSuite(conversation.record.suite),
        sender: certificateHash,
        sentMs: this.context.serverNow(),
        plaintext: record.content,
        messageId: record.messageId,
        records: keys,
        roster,
      },
      sign,
      { onProgress },
    );
    return chain;
  }

  async post(conversation: Conversation, record: OutgoingRecord): Promise<Accepted> {
    const message = sealedOf(conversation, record.messageId);
    // Refused for good before, and another was sealed since.
    if (message === null || record.payload === null) throw new CoreFailure("stale_epoch");
    return this.context.api.postSealed(conversation.id, {
      sealed: encodeSignedHeader(message.header),
      body: message.body,
      seals: concat(...message.seals.map(encodeSeal)),
      ...(decode(record.payload) as Beside),
      attachmentIds: [...record.attachmentIds],
    });
  }

  async again(
    conversation: Conversation,
    record: OutgoingRecord,
    error: unknown,
  ): Promise<boolean> {
    if (!hasCode(error, ...SEAL_AGAIN)) return false;
    return conversation.run(async () => {
      const before = situation(conversation);
      await this.catchUp(conversation);
      if (this.outgoing.find(record.messageId) === null) return true;
      if (hasCode(error, "wrong_mode", "not_member")) await this.membership.refetch(conversation);
      // These two are final, unless there was something that this device had not heard of, or it
      // has another certificate since.
      if (hasCode(error, "sealed_invalid", "not_member")) {
        await freshRoster(this.context, conversation);
        if (situation(conversation) === before && !this.#byFormerCertificate(conversation))
          return false;
      }
      const work = new Work(conversation);
      if (hasCode(error, "chain_broken"))
        await this.membership.guard(conversation, () => this.#resume(work));
      conversation.keysAtMs = -Infinity;
      const again: OutgoingRecord = { ...record, stage: "ready", sealed: false, payload: null };
      await this.keep(conversation, work, again, false);
      await this.membership.settle(conversation);
      // The DS asks for a seal for a cell without a good key: it is not asked again at once.
      const { keys } = conversation;
      if (hasCode(error, "stale_epoch") && keys !== null) {
        // A second time with the same keys: what changed since then does not help.
        if (conversation.staleKeysVersion === keys.version) conversation.keysWhole = true;
        conversation.staleKeysVersion = keys.version;
        if (keys.due.some((cellId) => keyFor(this.context, keys, cellId) === null)) {
          conversation.keysWhole = true;
          throw keysRefused();
        }
      }
      return true;
    });
  }

  /** The roster has dropped the certificate that signed what is on its way. */
  #byFormerCertificate(conversation: Conversation): boolean {
    const on = pendingHeader(chainOf(conversation));
    return on !== null && on.sender !== this.context.account().certificateHash;
  }

  /** This device's chain is not where the DS has it: state was lost. It may only have grown. */
  async #resume(work: Work): Promise<void> {
    const chain = chainOf(work);
    const { seq, prev } = await this.context.api.sealedChain(work.record.conversationId);
    const hash = toHex(prev);
    const back = seq < chain.last.seq || (seq === chain.last.seq && hash !== chain.last.hash);
    if (back) throw new Alarm("chain_went_back", null);
    work.chain = { ...chain, last: { seq, hash }, pending: null };
  }
}

/** What a refusal may have been about without being about the message. */
function situation({ record, roster }: Conversation): string {
  return [record.cells, record.cellId, record.state, roster?.head.hash].join();
}

/** The message that is on its way, if it is this one. */
function sealedOf(conversation: Conversation, messageId: string): SealedMessage | null {
  const { pending } = SenderChain.open(chainOf(conversation));
  return pending?.header.messageId === messageId ? pending : null;
}
