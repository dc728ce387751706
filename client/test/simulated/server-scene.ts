/**
 * The real server, in real time: what it has in memory beside its log counts, too. What was due to
 * whom is known of those who were in from the beginning: everything, from whoever still belongs.
 */
import { WebSocket } from "ws";
import type { CoreOptions } from "../../src/create.ts";
import { fromHex } from "../../src/octets.ts";
import { parseHead } from "../../src/roster/head.ts";
import type { Fetch } from "../../src/transport/http.ts";
import type { WebSocketMaker } from "../../src/transport/socket.ts";
import { unpack } from "../../src/unpack.ts";
import type { RosterChange } from "../../src/wire.ts";
import { Officer } from "../officer.ts";
import type { TestServer } from "../server.ts";
import { Randomness } from "./randomness.ts";
import type { Outcome, Scene } from "./scene.ts";

/** Nothing is waited for longer: founding takes its turns while other things happen. */
const PASS_MS = 500;

/** Registrations and restarts of a server that several runs share come one after another. */
const turns = new WeakMap<TestServer, Promise<unknown>>();

function inTurn<T>(server: TestServer, step: () => Promise<T>): Promise<T> {
  const turn = (turns.get(server) ?? Promise.resolve()).then(step);
  turns.set(
    server,
    turn.catch(() => undefined),
  );
  return turn;
}

export class ServerScene implements Scene {
  readonly WebSocket = WebSocket as unknown as WebSocketMaker;
  readonly random: () => number;
  readonly fetch: Fetch = (url, init) => globalThis.fetch(url, init);
  readonly #server: TestServer;
  readonly #firstPerson: number;
  readonly #officers: Officer[] = [];

  /** `firstPerson`: the index in the data bank of the first of this run's people. */
  constructor(server: TestServer, seed: number, firstPerson: number) {
    this.#server = server;
    this.random = new Randomness(seed).next;
    this.#firstPerson = firstPerson;
  }

  async device(person: number, options: Partial<CoreOptions>): Promise<Officer> {
    const officer = await inTurn(this.#server, () =>
      Officer.register(this.#server, this.#firstPerson + person, options),
    );
    this.#officers.push(officer);
    return officer;
  }

  cellOf(id: string, clientId: string): Promise<string> {
    const query =
      "SELECT cell_id FROM roster_leaves WHERE conversation_id = ? AND client_id = ? LIMIT 1";
    return Promise.resolve(String(this.#server.rows(query, id, clientId)[0]?.[0] ?? ""));
  }

  epochOf(): Promise<number | null> {
    return Promise.resolve(null);
  }

  ageRemoves(): void {
    try {
      this.#server.agePendingRemoves();
    } catch {
      // None is pending: where it would have left nobody, the cell was given up at once.
    }
  }

  outcome(id: string, founders: readonly string[]): Promise<Outcome> {
    const leaves = this.#server.rows(
      "SELECT client_id, named_epoch FROM roster_leaves WHERE conversation_id = ?",
      id,
    ) as readonly (readonly [string, number])[];
    const log = this.#server.rows(
      "SELECT seq, kind, entry_id, sender, payload FROM log_entries WHERE conversation_id = ? AND kind IN ('roster', 'message', 'sealed') ORDER BY seq",
      id,
    ) as readonly (readonly [number, string, string, string, string])[];
    const seqOf = new Map(
      log
        .filter(([, kind]) => kind === "roster")
        .map(([seq, , , , payload]) => [rosterEpochOf(fromHex(payload)), seq]),
    );
    const namedAt = new Map(leaves.map(([client, epoch]) => [client, seqOf.get(epoch) ?? 0]));
    const begun = Math.min(...seqOf.values());
    const stayed = founders.filter((client) => namedAt.get(client) === begun);
    const messages = log
      .filter(([, kind]) => kind !== "roster")
      .map(([seq, , messageId, sender]) => {
        const stays = (namedAt.get(sender) ?? Infinity) < seq;
        return { messageId, seq, due: new Set(stays ? stayed : []), allowed: null };
      });
    return Promise.resolve({
      messages,
      unsealed: [],
      orphans: 0,
      members: new Set(namedAt.keys()),
    });
  }

  describe(): string {
    return this.#server.log();
  }

  async pass(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, Math.min(ms, PASS_MS)));
  }

  jump(): void {
    // The server's clock is the machine's.
  }

  forget(): Promise<void> {
    return inTurn(this.#server, async () => {
      await this.#server.kill();
      await this.#server.serve();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#officers.map((officer) => officer.close()));
  }
}

function rosterEpochOf(payload: Uint8Array): number {
  return parseHead((unpack(payload) as RosterChange).head).epoch;
}
