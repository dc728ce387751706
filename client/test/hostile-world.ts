/**
 * Nine people in three cells, and a server that lies to one of them: the victim. Honest before and
 * after each test.
 */
import { decode, encode } from "@msgpack/msgpack";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { parseRecord } from "../src/cells/record.ts";
import type * as wire from "../src/wire.ts";
import { signerOf, type Signer } from "./forging.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import { MemoryWorld } from "./memory/world.ts";
import { Network } from "./network.ts";
import type { Officer } from "./officer.ts";
import { groupOf, joinMany } from "./several-cells.scenarios.ts";

export const LIMIT_MS = 120_000;
/** The victim's index in the data bank. */
export const VICTIM = 8;

type LieAboutEntry = (entry: wire.LogEntry) => wire.LogEntry | null;
type LieAboutSealed = (payload: wire.SealedPayload) => Partial<wire.SealedPayload>;

export class HostileWorld {
  readonly w: MemoryWorld;
  /** The way to the server of the one who is lied to. */
  readonly network: Network;
  victim!: Officer;
  victimClient = "";
  others: Officer[] = [];
  id = "";

  constructor(cellSize = 8) {
    this.w = new MemoryWorld(cellSize);
    this.network = new Network(this.w.fetch);
  }

  async start(): Promise<void> {
    this.others = await joinMany(this.w, VICTIM);
    this.victim = await this.w.join({ fetch: this.network.fetch });
    this.victimClient = (await this.victim.core.state()).clientId ?? "";
  }

  /** The server says what is so, from now on. */
  honest(): void {
    this.w.server.pushes = (_, frame) => frame;
    this.network.rewrite = null;
    this.network.refuse = null;
    this.network.forge = null;
  }

  async newGroup(): Promise<void> {
    this.id = await groupOf([...this.others, this.victim]);
    await this.says(this.other(0), "before");
    await this.victim.receives(this.id, "before");
  }

  other(index: number): Officer {
    return this.others[index] as Officer;
  }

  get conversation(): MemoryConversation {
    const found = this.w.server.conversations.get(this.id);
    if (found === undefined) throw new Error("no conversation");
    return found;
  }

  async cellOf(officer: Officer): Promise<string> {
    const { clientId } = await officer.core.state();
    return this.conversation.leafOf(clientId ?? "")?.cellId ?? "";
  }

  /** Somebody whose cell is the victim's, or is not. */
  async beside(inVictimsCell: boolean): Promise<Officer> {
    const own = await this.cellOf(this.victim);
    for (const officer of this.others.slice(1))
      if (((await this.cellOf(officer)) === own) === inVictimsCell) return officer;
    throw new Error("nobody");
  }

  async says(officer: Officer, text: string): Promise<string> {
    const { messageId } = await officer.text(this.id, text);
    await officer.until("sent", () => this.went(officer, messageId));
    return messageId;
  }

  /** Whether the server has taken a message of this officer's. */
  async went(officer: Officer, messageId: string): Promise<boolean> {
    const status = await officer.status(messageId, this.id);
    return status !== "queued" && status !== "sending";
  }

  /** Change the log entries that the victim gets, on both ways to it; null: it gets none. */
  lie(change: LieAboutEntry): void {
    this.w.server.pushes = (clientId, frame) => {
      if (clientId !== this.victimClient || frame.t !== "entry") return frame;
      const entry = change(frame.entry);
      return entry && { t: "entry", entry };
    };
    this.network.rewrite = (path, body) => {
      if (!path.endsWith("/log")) return body;
      const page = body as wire.LogPage;
      return { ...page, entries: page.entries.map(change).filter((entry) => entry !== null) };
    };
  }

  /** Change the payload of the sealed entries that the victim gets. */
  lieAboutSealed(change: LieAboutSealed): void {
    this.lie((entry) => {
      if (entry.kind !== "sealed") return entry;
      const payload = decode(entry.payload) as wire.SealedPayload;
      return { ...entry, payload: encode({ ...payload, ...change(payload) }) };
    });
  }

  /** The victim has seen through a message: it shows nothing of it, and what follows as ever. */
  async seenThrough(text: string): Promise<void> {
    const { victim, id } = this;
    await victim.until("refused", async () => (await victim.core.encryption(id)).refused > 0);
    this.honest();
    await this.says(this.other(4), "after the lie");
    await victim.receives(id, "after the lie");
    expect(await victim.texts(id)).not.toContain(text);
    expect((await victim.core.conversation(id)).state).toBe("ready");
  }

  /** The victim's conversation has stopped, and sends nothing more. */
  async alarmed(alarm: string): Promise<void> {
    const { victim, id } = this;
    await victim.until(`alarm ${alarm}`, async () => {
      const item = await victim.core.conversation(id);
      return item.state === "alarm" && item.alarm === alarm;
    });
    await expect(victim.text(id, "hello?")).rejects.toMatchObject({ code: "security_alarm" });
  }

  async notices(officer = this.victim): Promise<readonly string[]> {
    const { messages } = await officer.core.messages(this.id, null, 50);
    return messages.map(({ body }) => (body.kind === "notice" ? body.notice.kind : body.kind));
  }

  /** What the server honestly says of the cells' keys. */
  keys(): wire.CellKeys {
    return this.conversation.keys(this.w.server.account(this.victimClient), 0);
  }

  /** Let the victim be told these keys, whenever it asks. */
  tellKeys(change: (honest: wire.CellKeys) => wire.CellKeys | Promise<wire.CellKeys>): void {
    this.network.seen.length = 0;
    this.network.rewrite = (path, body) => (path.endsWith("/keys") ? change(this.keys()) : body);
  }

  /** Whoever made a cell's key, with what it signs by. */
  async makerOf({ record }: wire.CellKey): Promise<Signer> {
    for (const officer of this.w.officers) {
      const signer = await signerOf(officer).catch(() => null);
      if (signer?.certificateHash === parseRecord(record).signer) return signer;
    }
    throw new Error("nobody made it");
  }

  async askedForKeys(): Promise<void> {
    const request = `GET /v1/conversations/${this.id}/keys`;
    await this.victim.until("asked for keys", () =>
      Promise.resolve(this.network.seen.includes(request)),
    );
  }
}

/** A world that begins and ends with the test file. */
export function hostileWorld(cellSize = 8): HostileWorld {
  const world = new HostileWorld(cellSize);
  beforeAll(() => world.start(), LIMIT_MS);
  afterAll(() => world.w.close());
  afterEach(() => world.honest());
  return world;
}

export function flipped(bytes: Uint8Array, at = bytes.length - 1): Uint8Array {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}
