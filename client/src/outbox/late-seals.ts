/**
 * S9: seals of a conversation key that this device holds to cell keys that were made after it, where
 * the server asks for them.
 *
 * Invariant: nothing is sealed but a key that S2 allows, to cell keys that pass S4, under one head
 * that passes S1 and lets everybody read from before the key was made. One question at a time; one
 * that this device cannot answer now is another's.
 */
import type { Conversation } from "../conversation/conversation.ts";
import type { DeviceContext } from "../context.ts";
import type { CellKey } from "../keys/cell-key.ts";
import { sealConversationKey } from "../keys/conversation-key.ts";
import { sealKeyId } from "../keys/device-key.ts";
import { compareBytes } from "../keys/format/compare.ts";
import { requireSealingKem } from "../keys/roster/head.ts";
import type { SealKeyId } from "../ids.ts";
import { concat } from "../octets.ts";
import { requireUpdated, takeNewest } from "../roster/newest.ts";
import type { SealsWanted } from "../wire.ts";
import { cellTable } from "./cell-table.ts";
import { usableKey } from "./usable.ts";

const MOST_WAITING = 32;
/** Seals made at a time, so that the worker answers its screens between them. */
const AT_ONCE = 16;

export class LateSeals {
  readonly #context: DeviceContext;
  readonly #waiting: { readonly conversation: Conversation; readonly wanted: SealsWanted }[] = [];
  #running = false;

  constructor(context: DeviceContext) {
    this.#context = context;
  }

  asked(conversation: Conversation, wanted: SealsWanted): void {
    if (this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push({ conversation, wanted });
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
    });
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (this.#context.signal.aborted) return;
      await this.#answer(next.conversation, next.wanted).catch(() => undefined);
    }
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
    // A listed member whose history begins later would read what is not meant for it.
    if (record.created < head.latestHistoryFrom) return;
    const { usable } = await cellTable(context, conversation, head);
    const byId = new Map<SealKeyId, CellKey>();
    for (const one of usable.values()) byId.set(sealKeyId(one), one);
    const targets = wanted.cellKeys.flatMap((one) => byId.get(one as SealKeyId) ?? []);
    const seals: Uint8Array[] = [];
    for (let at = 0; at < targets.length; at += AT_ONCE) {
      const some = targets.slice(at, at + AT_ONCE);
      seals.push(...(await Promise.all(some.map((to) => sealConversationKey(record, secret, to)))));
    }
    await context.api.postLateSeals(conversation.id, {
      keyId: wanted.keyId,
      seals: concat(...seals.sort(compareBytes)),
      refused: wanted.cellKeys.filter((one) => !byId.has(one as SealKeyId)),
    });
  }
}
