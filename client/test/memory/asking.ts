/**
 * The server in memory asks devices for shares (D4), cell keys (C1) and the next conversation key
 * (D7). Nothing that is asked is owed: another device is asked when time has passed.
 */
import type { DeviceId } from "../../src/ids.ts";
import { HOUR_MS, MINUTE_MS } from "../../src/keys/format/times.ts";
import { SHARES_AT_ONCE } from "../../src/limits.ts";
import type { ShareAsker, ShareReference } from "../../src/wire.ts";
import { cellOf, leafOf, newest } from "./rosters.ts";
import type { ServerPorts } from "./ports.ts";
import type { ConversationState, ShareAsk } from "./state.ts";

const CELL_AGAIN_MS = 3_000;
const SEALS_AGAIN_MS = 3_000;
const SHARE_AGAIN_MS = 2_000;
/** Everybody was asked for a share in vain: all over again. */
const SHARE_ROUND_MS = 30_000;
const KEY_AGAIN_MS = 3_000;
const KEY_ROUND_MS = 10 * MINUTE_MS;
const KEY_OLD_MS = 23 * HOUR_MS;
const KEY_USED = 9_000;

/** One question: secrets, the device that is asked for them, and the devices that lack them. */
interface ShareQuestion {
  readonly helper: DeviceId;
  readonly references: ShareReference[];
  readonly askers: ShareAsker[];
}

export class Asking {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  /** Called again and again, and after whatever may have made something due. */
  async round(): Promise<void> {
    for (const conversation of this.#server.state.conversations.values()) {
      await this.#nextKey(conversation);
      await this.#cells(conversation);
      await this.#lateSeals(conversation);
      await this.shares(conversation);
    }
  }

  /** A device has connected: it may be asked at once. */
  came(device: DeviceId): void {
    for (const conversation of this.#server.state.conversations.values())
      for (const ask of conversation.shareAsks.values())
        if (leafOf(conversation, device) !== null) ask.asked.delete(device);
    void this.#server.inTurn(() => this.round());
  }

  /** D7: only if anybody wrote under the last key. */
  async #nextKey(conversation: ConversationState): Promise<void> {
    const last = conversation.keys.reduce<(typeof conversation.keys)[number] | null>(
      (best, key) => (best === null || key.epoch >= best.epoch ? key : best),
      null,
    );
    if (last === null || last.messages === 0) return;
    const now = this.#server.now();
    const due =
      last.epoch < newest(conversation).head.rekeyEpoch ||
      now - last.createdMs >= KEY_OLD_MS ||
      last.messages >= KEY_USED;
    if (!due) return;
    const ask = conversation.keyAsk;
    const round = ask !== null && now - ask.askedMs >= KEY_ROUND_MS;
    const state = ask === null || round ? { asked: new Set<DeviceId>(), askedMs: 0 } : ask;
    if (state.asked.size > 0 && now - state.askedMs < KEY_AGAIN_MS) return;
    const devices = this.#confirmedOnline(conversation, newest(conversation).leaves.keys());
    const next = devices.find((device) => !state.asked.has(device));
    if (next === undefined) return;
    conversation.keyAsk = { asked: state.asked.add(next), askedMs: now };
    this.#server.live.push(next, { t: "key_wanted", conversationId: conversation.id });
  }

  /** C1. */
  async #cells(conversation: ConversationState): Promise<void> {
    const now = this.#server.now();
    for (const cell of newest(conversation).cells.keys()) {
      const due = this.#server.cellKeys.due(conversation, cell);
      if (due === null) {
        conversation.cellAsks.delete(cell);
        continue;
      }
      const known = conversation.cellAsks.get(cell);
      const same = known?.epoch === due.epoch && known.generation === due.generation;
      const ask = same ? known : { ...due, asked: new Set<DeviceId>(), askedMs: 0 };
      if (ask.asked.size > 0 && now - ask.askedMs < CELL_AGAIN_MS) continue;
      const devices = cellOf(conversation, cell).map(({ device }) => device);
      const online = this.#confirmedOnline(conversation, devices);
      const able = online.filter((device) => !ask.without.has(device));
      const next = able.find((device) => !ask.asked.has(device)) ?? able[0];
      if (next === undefined) continue;
      ask.asked.add(next);
      ask.askedMs = now;
      conversation.cellAsks.set(cell, ask);
      const { epoch, generation } = ask;
      const conversationId = conversation.id;
      const frame = {
        t: "cell_key_wanted",
        conversationId,
        cellId: cell,
        epoch,
        generation,
      } as const;
      this.#server.live.push(next, frame);
    }
  }

  /** S9: a device that holds the key is asked for the seals that it lacks. */
  async #lateSeals(conversation: ConversationState): Promise<void> {
    const now = this.#server.now();
    const [key] = this.#server.keys.usable(conversation);
    if (key === undefined) return;
    const due = this.#server.keys.unsealed(conversation, key).filter(({ keyId }) => {
      const ask = key.sealAsks.get(keyId);
      return ask === undefined || now - ask.askedMs >= SEALS_AGAIN_MS;
    });
    if (due.length === 0) return;
    const online = this.#confirmedOnline(conversation, newest(conversation).leaves.keys());
    const holders = online.filter((one) => this.#server.keys.canOpen(conversation, key, one));
    const asked = due.flatMap(({ keyId }) => [...(key.sealAsks.get(keyId)?.asked ?? [])]);
    const helper = holders.find((one) => !asked.includes(one)) ?? holders[0];
    if (helper === undefined) return;
    for (const { keyId } of due) {
      const ask = key.sealAsks.get(keyId) ?? { asked: new Set<DeviceId>(), askedMs: 0 };
      ask.asked.add(helper);
      key.sealAsks.set(keyId, { ...ask, askedMs: now });
    }
    const { head } = newest(conversation);
    const stamp = await this.#server.rosters.stamp(conversation);
    this.#server.live.push(helper, {
      ...{ t: "seals_wanted", conversationId: conversation.id, keyId: key.keyId },
      ...{ head: head.bytes, stamp, cellKeys: due.map(({ keyId }) => keyId) },
    });
  }

  /** D4: the person's own other devices first, then those online longest. */
  async shares(conversation: ConversationState): Promise<void> {
    const questions = new Map<string, ShareQuestion>();
    for (const [device, ask] of conversation.shareAsks)
      this.#share(conversation, device, ask, questions);
    const { head } = newest(conversation);
    for (const { helper, references, askers } of questions.values())
      for (let at = 0; at < askers.length; at += SHARES_AT_ONCE)
        this.#server.live.push(helper, {
          ...{ t: "share_wanted", conversationId: conversation.id, references },
          ...{ head: head.bytes, stamp: await this.#server.rosters.stamp(conversation) },
          askers: askers.slice(at, at + SHARES_AT_ONCE),
        });
  }

  #share(
    conversation: ConversationState,
    device: DeviceId,
    ask: ShareAsk,
    questions: Map<string, ShareQuestion>,
  ): void {
    const asker = this.#server.people.clientOf(device);
    const now = this.#server.now();
    const proof = this.#server.rosters.prove(conversation, conversation.epoch, device);
    if (asker === null || proof === null || ask.references.size === 0) return;
    if (ask.asked.size > 0 && now - ask.askedMs < SHARE_AGAIN_MS) return;
    const all = this.#confirmedOnline(conversation, newest(conversation).leaves.keys());
    const others = all.filter((one) => one !== device);
    const own = others.filter((one) => leafOf(conversation, one)?.personId === asker.personId);
    const order = [...own, ...others.filter((one) => !own.includes(one))];
    let next = order.filter((one) => !ask.asked.has(one));
    if (next.length === 0 && now - ask.askedMs >= SHARE_ROUND_MS) {
      ask.asked.clear();
      next = order;
    }
    const helper = next[0];
    if (helper === undefined) return;
    ask.askedMs = now;
    ask.asked.add(helper);
    const references = [...ask.references.values()];
    const name = [helper, ...ask.references.keys()].join(" ");
    const question = questions.get(name) ?? { helper, references, askers: [] };
    questions.set(name, question);
    const keys = [...this.#server.people.newestKeys(asker)];
    question.askers.push({ device, personId: asker.personId, proof, keys });
  }

  #confirmedOnline(
    conversation: ConversationState,
    devices: Iterable<DeviceId>,
  ): readonly DeviceId[] {
    const online = this.#server.live.longestOnline(devices);
    const confirmed = this.#server.judge.confirmedOf(conversation, online);
    return online.filter((device) => confirmed.has(device));
  }
}
