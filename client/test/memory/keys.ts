/** Conversation keys of the server in memory: rule D2, and the seal that each device is handed. */
import { equalBytes, fromHex, toHex } from "../../src/octets.ts";
import { ConversationKeyFormat, type ConversationKey } from "../../src/keys/conversation-key.ts";
import { idOf, type DeviceId, type KeyId, type SealKeyId } from "../../src/ids.ts";
import { CLOCKS_MS, DAY_MS } from "../../src/keys/format/times.ts";
import { KEY_MESSAGES } from "../../src/wire.ts";
import type * as wire from "../../src/wire.ts";
import { Refusal, checked } from "./refusal.ts";
import { leafOf, newest } from "./rosters.ts";
import { requireCells, requireDevices, splitSeals } from "./seals.ts";
import type { ServerPorts } from "./ports.ts";
import type {
  CellKeyState,
  ClientState,
  ConversationState,
  KeyState,
  ListedLeaf,
  RosterAt,
} from "./state.ts";

/** The number of an author's records that are not free (D2). */
const RECORDS_A_DAY = 3;

export class Keys {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  byId(conversation: ConversationState, keyId: KeyId): KeyState | null {
    return conversation.keys.find((key) => key.keyId === keyId) ?? null;
  }

  /** S2's order among the keys that are usable now: roster epoch, created, key id. */
  usable(conversation: ConversationState): readonly KeyState[] {
    const { rekeyEpoch } = newest(conversation).head;
    const now = this.#server.now();
    const found = conversation.keys.filter(
      ({ epoch, createdMs, messages }) =>
        epoch >= rekeyEpoch && now - createdMs < DAY_MS && messages < KEY_MESSAGES,
    );
    return found.sort(
      (a, b) => b.epoch - a.epoch || b.createdMs - a.createdMs || (a.keyId < b.keyId ? 1 : -1),
    );
  }

  /**
   * Whether a device can open a key, as far as the server knows: it made it or has a seal, and has
   * not asked for a share of it. A device that was sealed rubbish asks, and may then make a key.
   */
  canOpen(conversation: ConversationState, key: KeyState, device: DeviceId): boolean {
    if (key.author === device) return true;
    const reference = `1/${key.keyId.slice(0, 32)}`;
    const asked = conversation.shareAsks.get(device)?.references.has(reference) === true;
    return key.covered.has(device) && !asked;
  }

  item(conversation: ConversationState, key: KeyState, client: ClientState): wire.KeyItem {
    return { record: key.record, seal: this.sealFor(conversation, key, client) };
  }

  /** The device's own seal, else its cell's, else null. */
  sealFor(conversation: ConversationState, key: KeyState, client: ClientState): Uint8Array | null {
    for (const { keyId } of client.keys) {
      const own = key.seals.get(keyId);
      if (own !== undefined) return own;
    }
    for (const { keyId, covered } of conversation.cellKeys) {
      const seal = covered.has(client.device) ? key.seals.get(keyId) : undefined;
      if (seal !== undefined) return seal;
    }
    return null;
  }

  /** One key by its id; without, the newest that is usable now. */
  answer(conversation: ConversationState, client: ClientState, keyId: KeyId | null): wire.Keys {
    const key =
      keyId === null ? (this.usable(conversation)[0] ?? null) : this.byId(conversation, keyId);
    if (key === null) return { key: null, head: null, proof: null };
    return {
      key: this.item(conversation, key, client),
      head: conversation.rosters.get(key.epoch)?.head.bytes ?? null,
      proof: this.#server.rosters.prove(conversation, key.epoch, key.author),
    };
  }

  async submit(
    conversation: ConversationState,
    caller: ClientState,
    body: wire.SubmitKey,
  ): Promise<wire.KeyAccepted> {
    const record = await checked("record_invalid", () => ConversationKeyFormat.parse(body.record));
    const keyId = idOf<KeyId>(record.hash);
    if (this.byId(conversation, keyId) !== null) return { keyId };
    const roster = await this.#requireD2(conversation, caller, record);
    const { judge, cellKeys } = this.#server;
    const seals = splitSeals(body.seals, roster.head.kem);
    const own = roster.leaves.get(caller.device)?.cell;
    const covered =
      roster.cells.size > 1
        ? requireCells(seals, cellKeys.sealable(conversation), own)
        : requireDevices(
            seals,
            judge.recipients(roster.leaves.values(), roster.head.kem),
            body.leftOut,
          );
    const free = this.#isFree(conversation, caller.device);
    const key: KeyState = {
      ...{ keyId, record: record.bytes, author: caller.device, epoch: record.epoch },
      ...{ createdMs: record.created, acceptedMs: this.#server.now() },
      ...{ seals: new Map(seals), covered, free, messages: 0 },
      sealAsks: new Map(),
    };
    conversation.keys.push(key);
    conversation.keyAsk = null;
    this.#server.live.pushAll(conversation, (device) => {
      const client = this.#server.people.clientOf(device);
      const seal = client === null ? null : this.sealFor(conversation, key, client);
      const awaited = seal === null && roster.cells.size > 1;
      const frame = { t: "key", conversationId: conversation.id, record: key.record } as const;
      return { ...frame, seal, awaited, first: false };
    });
    return { keyId };
  }

  /** S9: the cells' keys to which a key that serves is not sealed. */
  unsealed(conversation: ConversationState, key: KeyState): readonly CellKeyState[] {
    const { cells } = newest(conversation);
    if (cells.size < 2) return [];
    const found = [...cells.keys()].map((cell) => this.#server.cellKeys.newest(conversation, cell));
    return found.flatMap((one) => (one === null || key.seals.has(one.keyId) ? [] : one));
  }

  /** S9: seals that the caller was asked for; each cell's first device gets its seal first. */
  submitLate(
    conversation: ConversationState,
    caller: ClientState,
    body: wire.SubmitLateSeals,
  ): void {
    const key = this.byId(conversation, body.keyId as KeyId);
    if (key === null) throw new Refusal("not_asked");
    const seals = splitSeals(body.seals, newest(conversation).head.kem);
    const cellKeys = this.unsealed(conversation, key);
    for (const [keyId, seal] of seals) {
      const cellKey = cellKeys.find((one) => one.keyId === keyId);
      if (cellKey === undefined || key.sealAsks.get(keyId)?.asked.has(caller.device) !== true)
        throw new Refusal("not_asked");
      key.seals.set(keyId, seal);
      let first = true;
      for (const device of cellKey.covered) {
        key.covered.add(device);
        const frame = { t: "key", conversationId: conversation.id, record: key.record } as const;
        this.#server.live.push(device, { ...frame, seal, awaited: false, first });
        first = false;
      }
    }
    for (const keyId of body.refused as readonly SealKeyId[])
      cellKeys.find((one) => one.keyId === keyId)?.flags.add(caller.personId);
  }

  async #requireD2(
    conversation: ConversationState,
    caller: ClientState,
    record: ConversationKey,
  ): Promise<RosterAt> {
    const leaf: ListedLeaf | null = leafOf(conversation, caller.device);
    if (leaf === null) throw new Refusal("not_member");
    this.#server.judge.requireConfirmed(caller);
    const own = toHex(record.author) === caller.device;
    const here = equalBytes(record.conversation, fromHex(conversation.id));
    if (!own || !here) throw new Refusal("record_invalid", { rule: "D2" });
    await checked("record_invalid", () => ConversationKeyFormat.verify(record, caller.publicKey));
    const now = this.#server.now();
    const roster = conversation.rosters.get(record.epoch);
    const lately = roster !== undefined && now - (roster.supersededMs ?? now) <= CLOCKS_MS;
    const fresh = Math.abs(now - record.created) <= CLOCKS_MS;
    const rekeyed = record.epoch >= newest(conversation).head.rekeyEpoch;
    if (!lately || !fresh || !rekeyed || !equalBytes(roster.head.hash, record.head))
      throw new Refusal("stale_record", { epoch: conversation.epoch });
    if (record.created < roster.head.created) throw new Refusal("record_invalid", { rule: "R6" });
    if (!roster.leaves.has(caller.device)) throw new Refusal("record_invalid", { rule: "S2" });
    if (conversation.keyAsk?.asked.has(caller.device) === true) return roster;
    const open = this.usable(conversation).find((key) =>
      this.canOpen(conversation, key, caller.device),
    );
    if (open !== undefined) throw new Refusal("have_key", { key_id: open.keyId });
    this.#requireWithinDay(conversation, caller.device);
    return roster;
  }

  /** Asked for (D7), or the author's first for this rekey_epoch. */
  #isFree(conversation: ConversationState, device: DeviceId): boolean {
    if (conversation.keyAsk?.asked.has(device) === true) return true;
    const { rekeyEpoch } = newest(conversation).head;
    return !conversation.keys.some((key) => key.author === device && key.epoch >= rekeyEpoch);
  }

  #requireWithinDay(conversation: ConversationState, device: DeviceId): void {
    if (this.#isFree(conversation, device)) return;
    const since = this.#server.now() - DAY_MS;
    const spent = conversation.keys.filter(
      ({ author, free, acceptedMs }) => author === device && !free && acceptedMs > since,
    );
    if (spent.length < RECORDS_A_DAY) return;
    const endsMs = (spent[0]?.acceptedMs ?? 0) - since;
    throw new Refusal("rate_limited", { limit: "key_records" }, Math.max(1, endsMs));
  }
}
