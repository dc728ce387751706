/**
 * Cell keys of the server in memory (C1, C2): only where a conversation has several cells. The server
 * asks a device of a cell without a usable key to make one, and takes records of those it asked.
 */
import { concat, equalBytes, toHex } from "../../src/octets.ts";
import { CellKeyFormat, type CellKey } from "../../src/keys/cell-key.ts";
import { sealKeyId } from "../../src/keys/device-key.ts";
import { requirePublicKey } from "../../src/keys/hpke.ts";
import type { CellId, DeviceId, PersonId, SealKeyId } from "../../src/ids.ts";
import { CLOCKS_MS, DAY_MS } from "../../src/keys/format/times.ts";
import { LEAF_BYTES } from "../../src/keys/roster/leaf.ts";
import type * as wire from "../../src/wire.ts";
import { encodeCellLine } from "../support/roster-tree.ts";
import { Refusal, checked } from "./refusal.ts";
import { cellOf, leafOf, newest } from "./rosters.ts";
import { requireDevices, splitSeals, type CommonKey } from "./seals.ts";
import type { ServerPorts } from "./ports.ts";
import type { CellAsk, CellKeyState, ClientState, ConversationState } from "./state.ts";

/** S4. */
const KEY_MS = 7 * DAY_MS;
/** C2: when this number of people has flagged a cell's key, the server asks for another key, once a day at most. */
const FLAGS = 3;

export class CellKeys {
  readonly #server: ServerPorts;

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  /** S4, as far as the server judges it. */
  usable(conversation: ConversationState, key: CellKeyState): boolean {
    const rekeyEpoch = newest(conversation).cells.get(key.cell);
    const author = leafOf(conversation, key.author);
    const young = this.#server.now() - key.createdMs < KEY_MS;
    return (
      rekeyEpoch !== undefined && author?.cell === key.cell && key.epoch >= rekeyEpoch && young
    );
  }

  /** The newest usable key of a cell: by roster epoch, then generation. */
  newest(conversation: ConversationState, cell: CellId): CellKeyState | null {
    const found = conversation.cellKeys.filter((key) => key.cell === cell);
    found.sort((a, b) => b.epoch - a.epoch || b.generation - a.generation);
    return found.find((key) => this.usable(conversation, key)) ?? null;
  }

  /** Keys that a conversation key may be sealed to: usable ones, also where a newer one came just now. */
  sealable(conversation: ConversationState): readonly CommonKey[] {
    return conversation.cellKeys.filter((key) => this.usable(conversation, key));
  }

  /** The question that a cell must be asked now; null: nothing. */
  due(conversation: ConversationState, cell: CellId): Omit<CellAsk, "asked" | "askedMs"> | null {
    if (newest(conversation).cells.size < 2) return null;
    const current = this.newest(conversation, cell);
    const all = conversation.cellKeys.filter((key) => key.cell === cell);
    const { epoch } = conversation;
    const generations = all.filter((key) => key.epoch === epoch).map((key) => key.generation);
    const generation = Math.max(0, ...generations) + 1;
    if (current === null) return { epoch, generation, without: new Set() };
    if (current.flags.size < FLAGS) return null;
    const lately = all.some(
      (key) =>
        key !== current && this.#server.now() - key.createdMs < DAY_MS && key.flags.size >= FLAGS,
    );
    return lately ? null : { epoch, generation, without: new Set(all.map(({ author }) => author)) };
  }

  async post(
    conversation: ConversationState,
    caller: ClientState,
    body: wire.SubmitCellKey,
  ): Promise<void> {
    const record = await checked("record_invalid", () => CellKeyFormat.parse(body.record));
    const keyId = sealKeyId(record);
    const known = conversation.cellKeys.find((key) => key.keyId === keyId);
    if (known !== undefined && equalBytes(known.record, record.bytes)) return;
    const { cell } = await this.#requireC1(conversation, caller, record);
    const listed = cellOf(conversation, cell);
    const { kem } = newest(conversation).head;
    const recipients = this.#server.judge.recipients(listed, kem);
    const seals = splitSeals(body.seals, kem);
    const covered = requireDevices(seals, recipients, body.leftOut);
    conversation.cellVersion += 1;
    conversation.cellKeys.push({
      ...{ keyId, cell, record: record.bytes, author: caller.device, seals, covered },
      ...{ epoch: record.epoch, generation: record.generation, createdMs: record.created },
      ...{ version: conversation.cellVersion, flags: new Set<PersonId>() },
    });
    conversation.cellAsks.delete(cell);
    for (const { device } of listed)
      this.#server.live.push(device, {
        ...{ t: "cell_key", conversationId: conversation.id, cellId: cell, record: record.bytes },
        seal: this.#sealFor(seals, device),
      });
  }

  async #requireC1(
    conversation: ConversationState,
    caller: ClientState,
    record: CellKey,
  ): Promise<{ readonly cell: CellId }> {
    const leaf = leafOf(conversation, caller.device);
    if (leaf === null) throw new Refusal("not_member");
    this.#server.judge.requireConfirmed(caller);
    const { cell } = leaf;
    const ask = conversation.cellAsks.get(cell);
    const asked = ask?.asked.has(caller.device) === true;
    if (!asked || ask.epoch !== record.epoch || ask.generation !== record.generation)
      throw new Refusal("not_asked");
    const { head } = newest(conversation);
    const same =
      toHex(record.author) === caller.device &&
      toHex(record.cell) === cell &&
      toHex(record.conversation) === conversation.id &&
      record.kem === head.kem;
    if (!same) throw new Refusal("record_invalid", { rule: "S4" });
    await checked("record_invalid", async () => {
      await CellKeyFormat.verify(record, caller.publicKey);
      requirePublicKey(record.kem, record.publicKey, "D3");
    });
    const made = conversation.rosters.get(record.epoch);
    const fresh = Math.abs(this.#server.now() - record.created) <= CLOCKS_MS;
    if (made === undefined || !fresh || !equalBytes(made.head.hash, record.head))
      throw new Refusal("stale_record", { epoch: conversation.epoch });
    return { cell };
  }

  #sealFor(seals: ReadonlyMap<SealKeyId, Uint8Array>, device: DeviceId): Uint8Array | null {
    const client = this.#server.people.clientOf(device);
    for (const { keyId } of client?.keys ?? []) {
      const seal = seals.get(keyId);
      if (seal !== undefined) return seal;
    }
    return null;
  }

  flag(conversation: ConversationState, caller: ClientState, keyId: SealKeyId): void {
    const key = conversation.cellKeys.find((one) => one.keyId === keyId);
    if (key === undefined || leafOf(conversation, caller.device)?.cell !== key.cell)
      throw new Refusal("not_found");
    key.flags.add(caller.personId);
  }

  #item(conversation: ConversationState, key: CellKeyState, caller: ClientState): wire.CellKeyItem {
    const proof = this.#server.rosters.prove(conversation, conversation.epoch, key.author);
    const own = leafOf(conversation, caller.device)?.cell === key.cell;
    return {
      record: key.record,
      authorProof: proof === null ? new Uint8Array() : leafAndPath(proof),
      seal: own ? this.#sealFor(key.seals, caller.device) : null,
    };
  }

  /** All lines, and the newest usable keys that changed after a version. */
  async answer(
    conversation: ConversationState,
    caller: ClientState,
    since: number,
  ): Promise<wire.CellKeys> {
    const { rosters } = this.#server;
    const roster = newest(conversation);
    const keys = [...roster.cells.keys()].flatMap((cell) => this.newest(conversation, cell) ?? []);
    return {
      version: conversation.cellVersion,
      ...{ head: roster.head.bytes, stamp: await rosters.stamp(conversation) },
      lines: concat(...rosters.tree(roster).lines.map(encodeCellLine)),
      keys: keys
        .filter((key) => key.version > since)
        .map((key) => this.#item(conversation, key, caller)),
    };
  }

  /** Every kept key of the caller's cell, oldest first. */
  own(conversation: ConversationState, caller: ClientState): wire.OwnCellKeys {
    const cell = leafOf(conversation, caller.device)?.cell;
    const keys = conversation.cellKeys.filter((key) => key.cell === cell);
    return { keys: keys.map((key) => this.#item(conversation, key, caller)) };
  }
}

/** Leaf ‖ path in its cell: a whole proof without the cell's line and that line's path. */
function leafAndPath(proof: Uint8Array): Uint8Array {
  const depth = proof[LEAF_BYTES] ?? 0;
  return proof.slice(0, LEAF_BYTES + 3 + 32 * depth);
}
