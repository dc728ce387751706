/**
 * S9: the server asks this device to seal a conversation key that it holds to cell keys that were made
 * later.
 *
 * Invariant: the device seals only a key that S2 allows, to cell keys that pass S4, under one head
 * that passes S1 and lets everybody read from before the key was made. It answers one request at a time
 * (secrets/answer-queue.ts).
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { CellKey } from "../keys/cell-key.ts";
import { sealToEach } from "../keys/committed.ts";
import { sealConversationKey } from "../keys/conversation-key.ts";
import { sealKeyId } from "../keys/device-key.ts";
import { requireSealingKem } from "../keys/roster/head.ts";
import type { SealKeyId } from "../ids.ts";
import { requireUpdated, takeNewest } from "../roster/newest.ts";
import { AnswerQueue } from "../secrets/answer-queue.ts";
import type { SealsWanted, Working } from "../wire.ts";
import { usableCellKeys } from "./cell-table.ts";
import { usableKey } from "./key-choice.ts";

const MOST_WAITING = 32;

export class LateSeals {
  readonly #context: DeviceContext;
  readonly #send: (frame: Working) => boolean;
  readonly #queue: AnswerQueue<{
    readonly conversation: Conversation;
    readonly wanted: SealsWanted;
  }>;

  /** `send`: false: there is no connection. */
  constructor(context: DeviceContext, send: (frame: Working) => boolean) {
    this.#context = context;
    this.#send = send;
    this.#queue = new AnswerQueue(context.signal, MOST_WAITING, ({ conversation, wanted }) =>
      this.#answer(conversation, wanted),
    );
  }

  asked(conversation: Conversation, wanted: SealsWanted): void {
    this.#queue.add({ conversation, wanted });
  }

  async #answer(conversation: Conversation, wanted: SealsWanted): Promise<void> {
    const context = this.#context;
    requireUpdated(context);
    const head = await conversation.change((work) =>
      takeNewest(context, conversation, work, wanted),
    );
    requireSealingKem(head, context.trust.department);
    const held = await conversation.keys.newest();
    const others = held.filter(({ keyId }) => keyId !== wanted.keyId);
    const without = new Set(others.map(({ keyId }) => keyId));
    const key = await usableKey(context, conversation, { head }, without);
    if (key === null || key.secret === null) return;
    const { record, secret } = key;
    // A listed member whose history begins later must not read messages of before.
    if (record.created < head.latestHistoryFrom) return;
    this.#send({ t: "working", conversationId: conversation.id });
    const usable = await usableCellKeys(context, conversation, head);
    const byId = new Map<SealKeyId, CellKey>();
    for (const one of usable.values()) byId.set(sealKeyId(one), one);
    const targets = wanted.cellKeys.flatMap((one) => byId.get(one as SealKeyId) ?? []);
    await context.api.submitLateSeals(conversation.id, {
      keyId: wanted.keyId,
      seals: await sealToEach(targets, (to) => sealConversationKey(record, secret, to)),
      refused: wanted.cellKeys.filter((one) => !byId.has(one as SealKeyId)),
    });
  }
}
