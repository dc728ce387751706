/**
 * Signed rosters of the server in memory: who is listed, in which cell, from when, with which rights.
 *
 * A change of members, devices or rights makes the next head at once, in the same turn as the change
 * itself, so that the refusal of older keys and the head are one step (D6). Devices stay in their
 * cell; new ones go to the least full cell with room, or to a new one.
 */
import { concat, fromHex, toHex } from "../../src/octets.ts";
import { idOf, newId, type CellId, type DeviceId, type PersonId } from "../../src/ids.ts";
import { leafHash } from "../../src/keys/format/merkle.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/keys/format/times.ts";
import { MAY_ADMINISTER, MAY_ISSUE, MAY_SEND } from "../../src/keys/roster/leaf.ts";
import { KNOWN_DEVICES } from "../../src/limits.ts";
import type { HeadStamp } from "../../src/keys/roster/stamp.ts";
import type * as wire from "../../src/wire.ts";
import { beginning } from "../support/department.ts";
import {
  encodeCellLine,
  encodeLeaf,
  merklePath,
  rosterTree,
  type LeafValues,
  type RosterTree,
} from "../support/roster-tree.ts";
import { Refusal } from "./refusal.ts";
import type { ServerPorts } from "./ports.ts";
import type { ClientState, ConversationState, ListedLeaf, RosterAt } from "./state.ts";

/** history_from younger than this makes an entrant's head a rekey (docs/keys.md). */
const REKEY_MS = 26 * HOUR_MS;
const CELL_REKEY_MS = 9 * DAY_MS;
const STAMP_MS = 5 * MINUTE_MS;

export interface RosterChange {
  /** By device: everything that the next head lists. */
  readonly leaves: ReadonlyMap<DeviceId, ListedLeaf>;
  readonly rekey: boolean;
  readonly rekeyedCells: ReadonlySet<CellId>;
}

export function newest(conversation: ConversationState): RosterAt {
  return conversation.rosters.get(conversation.epoch) as RosterAt;
}

export function leafOf(conversation: ConversationState, device: DeviceId): ListedLeaf | null {
  return newest(conversation).leaves.get(device) ?? null;
}

export function cellOf(conversation: ConversationState, cell: CellId): readonly ListedLeaf[] {
  return [...newest(conversation).leaves.values()].filter((leaf) => leaf.cell === cell);
}

export function valuesOf(leaf: ListedLeaf): LeafValues {
  const { historyFrom, rights } = leaf;
  const ids = { person: fromHex(leaf.personId), device: fromHex(leaf.device) };
  return { ...ids, cell: fromHex(leaf.cell), historyFrom, rights };
}

export class Rosters {
  readonly #server: ServerPorts;
  readonly #trees = new WeakMap<RosterAt, RosterTree>();
  readonly #stamps = new Map<string, HeadStamp>();

  constructor(server: ServerPorts) {
    this.#server = server;
  }

  /** Make the next head if the listed devices, or their rights, are others than they should be. */
  async refresh(conversation: ConversationState): Promise<void> {
    const change = await this.#due(conversation);
    if (change !== null) await this.publish(conversation, change);
  }

  async #due(conversation: ConversationState): Promise<RosterChange | null> {
    const before = conversation.rosters.get(conversation.epoch)?.leaves ?? new Map();
    const leaves = new Map<DeviceId, ListedLeaf>();
    const rekeyedCells = new Set<CellId>();
    let rekey = false;
    let changed = conversation.epoch === 0;
    const entrants: { readonly client: ClientState; readonly leaf: Omit<ListedLeaf, "cell"> }[] =
      [];
    for (const [personId, member] of conversation.members) {
      if (member.removedMs !== null) continue;
      const may = conversation.whoMaySend === "everyone" || member.admin;
      const posts = (may ? MAY_SEND : 0) | (member.admin ? MAY_ADMINISTER : 0);
      const rights = posts | this.#issuing(personId, member.admin);
      for (const client of this.#server.judge.listable(personId)) {
        const { device, clientId } = client;
        const historyFrom = member.historyFromMs;
        const leaf = { personId, clientId, device, historyFrom, rights };
        const known = before.get(device);
        if (known === undefined || known.historyFrom !== historyFrom)
          entrants.push({ client, leaf });
        else {
          changed ||= known.rights !== rights;
          leaves.set(device, { ...leaf, cell: known.cell });
        }
      }
    }
    for (const [device, leaf] of before)
      if (!leaves.has(device)) {
        changed = rekey = true;
        rekeyedCells.add(leaf.cell);
      }
    for (const { leaf } of entrants) {
      changed = true;
      const cell = this.#roomFor(leaves);
      leaves.set(leaf.device, { ...leaf, cell });
      const age = this.#server.now() - leaf.historyFrom;
      rekey ||= age < REKEY_MS;
      if (age < CELL_REKEY_MS) rekeyedCells.add(cell);
    }
    return changed ? { leaves, rekey, rekeyedCells } : null;
  }

  /** Bits of the orders that a member may issue. */
  #issuing(personId: PersonId, admin: boolean): number {
    const priorities = ["routine", "urgent", "flash"] as const;
    return priorities
      .filter((one) => this.#server.orders.mayIssue(personId, one) && (admin || one !== "flash"))
      .reduce((bits, one) => bits | MAY_ISSUE[one], 0);
  }

  #roomFor(leaves: ReadonlyMap<DeviceId, ListedLeaf>): CellId {
    const sizes = new Map<CellId, number>();
    for (const { cell } of leaves.values()) sizes.set(cell, (sizes.get(cell) ?? 0) + 1);
    const room = [...sizes].filter(([, size]) => size < this.#server.cellSize);
    room.sort(([a, sizeA], [b, sizeB]) => sizeA - sizeB || (a < b ? -1 : 1));
    return room[0]?.[0] ?? newId();
  }

  /** Sign the next head, and tell the devices. `least`: the epoch at least (a restored server). */
  async publish(conversation: ConversationState, change: RosterChange, least = 0): Promise<void> {
    const before = conversation.rosters.get(conversation.epoch);
    const first = beginning(this.#server.state.incarnation);
    const epoch = before === undefined ? first.number : Math.max(conversation.epoch + 1, least);
    const createdMs = this.#server.now();
    const raised = before !== undefined && before.head.kem !== conversation.kem;
    const cells = new Map<CellId, number>();
    for (const { cell } of change.leaves.values()) {
      const rekeyed = before?.cells.get(cell) === undefined || change.rekeyedCells.has(cell);
      cells.set(cell, rekeyed || raised ? epoch : (before.cells.get(cell) ?? epoch));
    }
    const leaves = [...change.leaves.values()].map(valuesOf);
    const tree = rosterTree(leaves, (cell) => cells.get(idOf(cell)) ?? epoch);
    const rekeyed = before === undefined || change.rekey || raised;
    const head = await this.#server.department.head({
      ...{ conversation: fromHex(conversation.id), epoch, kem: conversation.kem },
      previous: before?.head.hash ?? first.previous,
      rekeyEpoch: rekeyed ? epoch : before.head.rekeyEpoch,
      latestHistoryFrom: tree.latestHistoryFrom,
      ...{ created: createdMs, devices: leaves.length, root: tree.root },
    });
    const roster: RosterAt = { head, supersededMs: null, leaves: change.leaves, cells };
    this.#trees.set(roster, tree);
    if (before !== undefined) before.supersededMs = createdMs;
    conversation.rosters.set(epoch, roster);
    conversation.epoch = epoch;
    this.#tell(conversation, before ?? null, roster);
  }

  #tell(conversation: ConversationState, before: RosterAt | null, after: RosterAt): void {
    const { live } = this.#server;
    const conversationId = conversation.id;
    for (const [device, leaf] of after.leaves) {
      const known = before?.leaves.get(device);
      const same = known?.rights === leaf.rights && known.historyFrom === leaf.historyFrom;
      if (!same) live.push(device, { t: "conversation", conversationId });
      else if (after.head.devices <= KNOWN_DEVICES)
        live.push(device, { t: "roster", conversationId, epoch: conversation.epoch });
    }
    for (const device of before?.leaves.keys() ?? [])
      if (!after.leaves.has(device)) live.push(device, { t: "gone", conversationId });
  }

  // --- What is asked of a roster ----------------------------------------------------------------

  tree(roster: RosterAt): RosterTree {
    const known = this.#trees.get(roster);
    if (known !== undefined) return known;
    const leaves = [...roster.leaves.values()].map(valuesOf);
    const tree = rosterTree(leaves, (cell) => roster.cells.get(idOf(cell)) ?? 0);
    this.#trees.set(roster, tree);
    return tree;
  }

  /** Leaf ‖ proof; null: not listed at that epoch. */
  prove(conversation: ConversationState, epoch: number, device: DeviceId): Uint8Array | null {
    const roster = conversation.rosters.get(epoch);
    const leaf = roster?.leaves.get(device);
    if (roster === undefined || leaf === undefined) return null;
    return this.tree(roster).prove(valuesOf(leaf));
  }

  /** Made on demand, used again for 5 min. */
  async stamp(conversation: ConversationState): Promise<Uint8Array> {
    const { head } = newest(conversation);
    const now = this.#server.now();
    const id = `${conversation.id}/${toHex(head.hash)}`;
    const known = this.#stamps.get(id);
    if (known !== undefined && known.time <= now && now - known.time < STAMP_MS) return known.bytes;
    const stamp = await this.#server.department.stamp(head, now);
    this.#stamps.set(id, stamp);
    return stamp.bytes;
  }

  async state(conversation: ConversationState, device: DeviceId): Promise<wire.RosterState | null> {
    const proof = this.prove(conversation, conversation.epoch, device);
    if (proof === null) return null;
    const { bytes: head } = newest(conversation).head;
    return { head, stamp: await this.stamp(conversation), proof };
  }

  head(conversation: ConversationState, epoch: number): wire.Head {
    const roster = conversation.rosters.get(epoch);
    if (roster === undefined) throw new Refusal("not_found");
    return { head: roster.head.bytes };
  }

  async proofs(conversation: ConversationState, asked: wire.AskProofs): Promise<wire.Proofs> {
    const epoch = asked.epoch === 0 ? conversation.epoch : asked.epoch;
    const { head } = this.head(conversation, epoch);
    const stamp = epoch === conversation.epoch ? await this.stamp(conversation) : null;
    const proofs = asked.devices.map((one) => this.prove(conversation, epoch, one));
    return { head, stamp, proofs };
  }

  /** All leaves of a cell, its line, and the line's path. */
  async cellLeaves(conversation: ConversationState, cell: CellId): Promise<wire.CellLeaves> {
    const roster = newest(conversation);
    const own = [...cellOf(conversation, cell)];
    own.sort((a, b) => (a.device < b.device ? -1 : 1));
    const tree = this.tree(roster);
    const line = tree.lines.find((one) => toHex(one.cell) === cell);
    if (line === undefined) throw new Refusal("not_found");
    const hashes = tree.lines.map((one) => leafHash(encodeCellLine(one)));
    return {
      ...{ head: roster.head.bytes, stamp: await this.stamp(conversation) },
      leaves: concat(...own.map((one) => encodeLeaf(valuesOf(one)))),
      line: encodeCellLine(line),
      path: merklePath(hashes, tree.lines.indexOf(line)),
    };
  }
}
