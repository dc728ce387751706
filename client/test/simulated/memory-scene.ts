/** The server in memory in simulated time: what was accepted for whom is known exactly. */
import { IDBFactory } from "fake-indexeddb";
import { parseSignedHeader } from "../../src/cells/message.ts";
import type { CoreOptions } from "../../src/create.ts";
import type { MemoryConversation } from "../memory/conversation.ts";
import type { RosterThen, Stored } from "../memory/log.ts";
import { MemoryWorld } from "../memory/world.ts";
import type { Officer } from "../officer.ts";
import type { AcceptedMessage, Outcome, Scene } from "./scene.ts";
import { SimulatedTime } from "./time.ts";

const LAST_ENTRIES = 60;
/** Between what the server does again and again. */
const ROUND_MS = 2_000;

export class MemoryScene implements Scene {
  readonly #time: SimulatedTime;
  readonly #world: MemoryWorld;

  constructor(seed: number, cellSize: number) {
    this.#time = SimulatedTime.begin(seed);
    // The same seed gives vaults the same names.
    globalThis.indexedDB = new IDBFactory();
    this.#world = new MemoryWorld(cellSize);
    const { server } = this.#world;
    server.recent = true;
    setInterval(() => {
      for (const conversation of server.conversations.values()) conversation.askAgain();
    }, ROUND_MS);
  }

  get fetch() {
    return this.#world.server.fetch;
  }

  get WebSocket() {
    return this.#world.server.WebSocket;
  }

  get random(): () => number {
    return this.#time.random.next;
  }

  device(person: number, options: Partial<CoreOptions>): Promise<Officer> {
    return this.#world.device(person, options);
  }

  cellOf(id: string, clientId: string): Promise<string> {
    return Promise.resolve(this.#conversation(id).leafOf(clientId)?.cellId ?? "");
  }

  async epochOf(id: string, clientId: string): Promise<number | null> {
    const cellId = await this.cellOf(id, clientId);
    return this.#conversation(id).cells.get(cellId)?.epoch ?? null;
  }

  outcome(id: string): Promise<Outcome> {
    return Promise.resolve(outcomeOf(this.#conversation(id)));
  }

  ageRemoves(): void {
    // This server does not wait for it.
  }

  describe(id: string): string {
    const conversation = this.#conversation(id);
    const cells = [...conversation.cells.values()].map((cell) => {
      const named = [...(conversation.rosters.at(-1)?.places ?? [])]
        .filter(([, cellId]) => cellId === cell.cellId)
        .map(([client]) => short(client));
      const inside = cell.leaves.map(({ clientId }) => short(clientId));
      const keyed = cell.keyId !== null;
      const { epoch, removals } = cell;
      return { cell: short(cell.cellId), epoch, keyed, removals: [...removals], named, inside };
    });
    const log = conversation.log.slice(-LAST_ENTRIES).map(({ entry, sealed }) => {
      const { seq, kind, cellId, epoch, sender } = entry;
      const lacks = [...(sealed?.missing ?? [])].map(short);
      const of = [cellId ?? "", epoch ?? "", sender ?? ""].map((one) => short(String(one)));
      return [seq, kind, ...of, lacks.length === 0 ? "" : `lacks ${lacks.join()}`].join(" ");
    });
    return [...cells.map((cell) => JSON.stringify(cell)), ...log].join("\n");
  }

  pass(ms: number): Promise<void> {
    return this.#time.pass(ms);
  }

  jump(ms: number): void {
    this.#time.jump(ms);
  }

  forget(id: string): Promise<void> {
    const conversation = this.#conversation(id);
    conversation.recentAfter = conversation.lastSeq;
    return Promise.resolve();
  }

  async close(): Promise<void> {
    await this.#world.close();
    await this.#time.end();
  }

  #conversation(id: string): MemoryConversation {
    return this.#world.server.conversation(id);
  }
}

/** A stretch of the roster in which a client had its place without a break. */
interface Naming {
  readonly seq: number;
  readonly epoch: number;
}

function outcomeOf(conversation: MemoryConversation): Outcome {
  const { log, rosters } = conversation;
  const last = rosters.at(-1);
  const members = new Set(last?.places.keys());
  const clients = new Set(rosters.flatMap(({ places }) => [...places.keys()]));
  const messages: AcceptedMessage[] = [];
  for (const stored of log) {
    const { kind, seq, entryId } = stored.entry;
    if (kind !== "message" && kind !== "sealed") continue;
    const then = rosterAt(rosters, seq);
    const allowed = new Set([...clients].filter((client) => then?.places.has(client) === true));
    const due = new Set(
      [...members].filter((client) => allowed.has(client) && isDue(conversation, stored, client)),
    );
    messages.push({ messageId: entryId, seq, due, allowed });
  }
  const lacking = log.filter(({ sealed }) => (sealed?.missing.size ?? 0) > 0);
  const unsealed = lacking
    .filter((stored) => staysSince(rosters, stored))
    .map(({ entry }) => entry.entryId);
  return { messages, unsealed, orphans: lacking.length - unsealed.length, members };
}

function short(id: string): string {
  return id.slice(0, 6);
}

function rosterAt(rosters: readonly RosterThen[], seq: number): RosterThen | undefined {
  return rosters.findLast((roster) => roster.seq <= seq);
}

/** Since when a client has had its place that it has in the end; null when it has none. */
function namingOf(rosters: readonly RosterThen[], client: string): Naming | null {
  const out = rosters.findLastIndex(({ places }) => !places.has(client));
  return rosters[out + 1] ?? null;
}

/** Whether who sent a message has had its place ever since: nobody else can seal it late. */
function staysSince(rosters: readonly RosterThen[], { entry }: Stored): boolean {
  const sender = namingOf(rosters, entry.sender ?? "");
  return sender !== null && sender.seq < entry.seq;
}

/** Whether a client was moved when the cells became the one that a message of one cell is for. */
function wasMoved(rosters: readonly RosterThen[], { entry }: Stored, client: string): boolean {
  const cellsOf = (roster: RosterThen | undefined): number => new Set(roster?.places.values()).size;
  const at = rosters.findLastIndex(
    (roster, i) => roster.seq < entry.seq && cellsOf(roster) === 1 && cellsOf(rosters[i - 1]) > 1,
  );
  const before = rosters[at - 1]?.places.get(client);
  return before !== undefined && before !== rosters[at]?.places.get(client);
}

/**
 * Whether a client that belongs in the end must have a message (docs/protocol.md):
 *
 * - of one cell, when it was in the cell's tree, or was moved there when the cells became one: then it
 *   is let in before anything is sent;
 * - sealed to an epoch in which it was in its cell, be it late: then the header's roster has to
 *   name it already.
 *
 * What was sealed for the present epoch of its cell before it came in is not for it, nor what a cell
 * got that was given up before the client had taken the Welcome that let it in.
 */
function isDue(
  { rosters, membersAt, neverEntered }: MemoryConversation,
  stored: Stored,
  client: string,
): boolean {
  const { entry, sealed } = stored;
  const naming = namingOf(rosters, client);
  if (naming === null || entry.seq < naming.seq) return false;
  const inside = (cellId: string, epoch: number): boolean =>
    membersAt.get(`${cellId}/${String(epoch)}`)?.has(client) === true &&
    !neverEntered.has(`${cellId}/${client}`);
  if (sealed === null)
    return wasMoved(rosters, stored, client) || inside(entry.cellId ?? "", entry.epoch ?? 0);
  const cellId = rosterAt(rosters, entry.seq)?.places.get(client) ?? "";
  const first = sealed.first.get(cellId);
  if (first !== undefined && inside(cellId, first.epoch)) return true;
  const named = parseSignedHeader(sealed.common.sealed).rosterEpoch >= naming.epoch;
  return named && [...sealed.late].some(([late, epoch]) => inside(late, epoch));
}
