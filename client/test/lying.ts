/**
 * Lies that a server may tell one client for a while, none of which is to stop the client for good:
 * about sealed entries on both ways to it, and about the keys that it seals for.
 */
import { decode, encode } from "@msgpack/msgpack";
import { parseSignedHeader } from "../src/cells/message.ts";
import type * as wire from "../src/wire.ts";
import { Department } from "./certificates.ts";
import { forgedKey, resigned, type Signer } from "./forging.ts";
import { flipped } from "./hostile-world.ts";
import type { MemoryConversation } from "./memory/conversation.ts";
import type { MemoryServer } from "./memory/server.ts";
import type { Network } from "./network.ts";

export const LIES = [
  "drop",
  "replay",
  "reorder",
  "substitute bytes",
  "stale seal",
  "stranger's words",
  "old keys",
  "stranger's keys",
] as const;
export type Lie = (typeof LIES)[number];

const PARTS = ["body", "sealed", "seal", "certificate", "proof"] as const;

/** Somebody with a certificate of another CA: the department's vouches for nobody of it. */
export const STRANGER: Signer = new Department().device();

type Payload = wire.SealedPayload;

export class Liar {
  readonly #server: MemoryServer;
  readonly #conversation: MemoryConversation;
  readonly #clientId: string;
  readonly #network: Network;
  readonly #seed: number;
  /** Sealed entries that the client was to get, as they are. */
  readonly #seen: wire.LogEntry[] = [];
  #held: wire.LogEntry | null = null;

  constructor(
    server: MemoryServer,
    conversation: MemoryConversation,
    clientId: string,
    network: Network,
    seed: number,
  ) {
    this.#server = server;
    this.#conversation = conversation;
    this.#clientId = clientId;
    this.#network = network;
    this.#seed = seed;
  }

  begin(lie: Lie): void {
    if (lie === "old keys" || lie === "stranger's keys") return this.#aboutKeys(lie);
    this.#server.pushes = (to, frame) => {
      if (to !== this.#clientId || frame.t !== "entry") return frame;
      const [first, ...more] = this.#told(lie, frame.entry);
      for (const entry of more) queueMicrotask(() => this.#push(entry));
      return first === undefined ? null : { t: "entry", entry: first };
    };
    this.#network.rewrite = (path, body) => {
      if (!path.endsWith("/log")) return body;
      const page = body as wire.LogPage;
      this.#held = null;
      return { ...page, entries: page.entries.flatMap((entry) => this.#told(lie, entry)) };
    };
  }

  /** The server behaves again; the client is connected anew, as after any trouble. */
  end(): void {
    this.#server.pushes = (_, frame) => frame;
    this.#network.rewrite = null;
    for (const connection of [...this.#server.connections])
      if (connection.clientId === this.#clientId) connection.close(1006);
  }

  #push(entry: wire.LogEntry): void {
    for (const connection of this.#server.connections)
      if (connection.clientId === this.#clientId) connection.push({ t: "entry", entry });
  }

  #told(lie: Lie, entry: wire.LogEntry): readonly wire.LogEntry[] {
    if (entry.kind !== "sealed" || entry.conversationId !== this.#conversation.id) return [entry];
    if (entry.sender === this.#clientId) return [entry];
    const before = this.#seen.at(this.#seed % Math.max(1, this.#seen.length));
    this.#seen.push(entry);
    switch (lie) {
      case "drop":
        return this.#seen.length % 2 === this.#seed % 2 ? [] : [entry];
      case "replay":
        return [before === undefined ? entry : { ...before, seq: entry.seq }];
      case "reorder":
        return this.#swapped(entry);
      case "stale seal":
        return [bent(entry, () => (before === undefined ? {} : { seal: payloadOf(before).seal }))];
      case "substitute bytes":
        return [bent(entry, (payload) => this.#flipped(payload))];
      default:
        return [bent(entry, strangers)];
    }
  }

  #swapped(entry: wire.LogEntry): readonly wire.LogEntry[] {
    const held = this.#held;
    this.#held = held === null ? entry : null;
    if (held === null) return [];
    return [
      { ...entry, seq: held.seq },
      { ...held, seq: entry.seq },
    ];
  }

  #flipped(payload: Payload): Partial<Payload> {
    const part = PARTS[this.#seed % PARTS.length] ?? "body";
    const bytes = payload[part];
    return bytes === null ? {} : { [part]: flipped(bytes, this.#seed % bytes.length) };
  }

  #aboutKeys(lie: Lie): void {
    const account = this.#server.account(this.#clientId);
    const old = this.#conversation.keys(account, 0);
    // Asked anew, the server tells everything: a client keeps the version that it was told last.
    const forged = Promise.all(old.keys.map((key) => forgedKey(STRANGER, key)));
    this.#network.rewrite = async (path, body) => {
      if (!path.includes(this.#conversation.id) || !path.endsWith("/keys")) return body;
      return lie === "old keys" ? old : { ...old, version: 0, keys: await forged };
    };
  }
}

function payloadOf(entry: wire.LogEntry): Payload {
  return decode(entry.payload) as Payload;
}

function bent(entry: wire.LogEntry, change: (payload: Payload) => Partial<Payload>): wire.LogEntry {
  const payload = payloadOf(entry);
  return { ...entry, payload: encode({ ...payload, ...change(payload) }) };
}

/** The same words, said to be a stranger's: the header signed by it, its certificate beside it. */
function strangers({ sealed }: Payload): Partial<Payload> {
  const { seq } = parseSignedHeader(sealed);
  const change = { sender: STRANGER.certificateHash, seq };
  return { sealed: resigned(STRANGER, sealed, change), certificate: STRANGER.certificate };
}
