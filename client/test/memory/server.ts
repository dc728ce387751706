/**
 * A server in memory that real client cores talk to through their own `fetch` and `WebSocket`: a test
 * department, its people, and conversations by the rules D1 to D7, E2, C1 and C2 of docs/keys.md.
 *
 * Concurrency: requests and frames take turns ({@link MemoryServer.inTurn}), each a transaction as D6
 * asks: a refusal changes nothing, because everything is checked before anything is written. Time is
 * `now`, so tests may simulate it. A crash is {@link MemoryServer.restart}: connections end, the state
 * stays. {@link MemoryServer.restore} goes back to a backup as operators do, with an Incarnation.
 *
 * It is honest. A test makes it lie by `live.pushes`, `judge.pretends`, `frozenMs`, or on a device's
 * own network (network.ts).
 */
import type { ClientId, ConversationId, PersonId } from "../../src/ids.ts";
import { decode, encode } from "@msgpack/msgpack";
import { fromHex, toHex } from "../../src/octets.ts";
import { X25519, type Kem } from "../../src/keys/hpke.ts";
import { PersonCardFormat } from "../../src/keys/trust/person-card.ts";
import type { Fetch } from "../../src/transport/http.ts";
import type { WebSocketMaker } from "../../src/transport/socket.ts";
import { CELL_SIZE, type LinkPreview } from "../../src/wire.ts";
import { Department, endorse, newSigner, type Policy, type Signer } from "../support/department.ts";
import { Asking } from "./asking.ts";
import { Attachments } from "./attachments.ts";
import { CellKeys } from "./cell-keys.ts";
import { Conversations } from "./conversations.ts";
import { ServerJudge } from "./judge.ts";
import { Joining } from "./console/joining.ts";
import { Keys } from "./keys.ts";
import { Live } from "./live.ts";
import { Log } from "./log.ts";
import { Orders } from "./orders.ts";
import { People } from "./people.ts";
import { Receipts } from "./receipts.ts";
import { Refusal, statusOf } from "./refusal.ts";
import { Rosters, newest } from "./rosters.ts";
import { routesOf, type Request, type Route } from "./routes.ts";
import { Shares } from "./shares.ts";
import {
  emptyState,
  isOut,
  type ClientState,
  type ConversationState,
  type PersonState,
  type ServerState,
} from "./state.ts";
import { AdminRole } from "./console/acts.ts";
import { Reports } from "./console/reports.ts";
import { TrustRole } from "./trust.ts";

export interface MemoryOptions {
  readonly cellSize?: number;
  readonly kem?: Kem;
  readonly policy?: Policy;
  readonly now?: () => number;
}

const ROUND_MS = 1_000;
const LAST_REFUSED = 20;
const CLOSE_GOING_AWAY = 1001;

export class MemoryServer {
  readonly origin = "http://memory.test";
  readonly department: Department;
  readonly cellSize: number;
  readonly kem: Kem;
  readonly now: () => number;
  /** A device without a core: the root admin's, who endorses first devices under policy approval. */
  readonly desk: Signer;
  /** Whether the desk endorses each person's first device at once. */
  approves = true;
  /** The time that Time records say while it is not null: for a server that freezes it. */
  frozenMs: number | null = null;
  /** Pages by their addresses; none: this department makes no previews. */
  readonly pages = new Map<string, LinkPreview>();
  state: ServerState = emptyState();
  /** Requests refused lately, for the reader of a failure. */
  readonly refused: string[] = [];
  readonly judge: ServerJudge;
  readonly live: Live;
  readonly people: People;
  readonly trust: TrustRole;
  readonly admin: AdminRole;
  readonly rosters: Rosters;
  readonly conversations: Conversations;
  readonly joining: Joining;
  readonly log: Log;
  readonly orders: Orders;
  readonly reports: Reports;
  readonly keys: Keys;
  readonly cellKeys: CellKeys;
  readonly shares: Shares;
  readonly receipts: Receipts;
  readonly attachments: Attachments;
  readonly asking: Asking;
  readonly #routes: readonly Route[];
  /** The server is out of reach. */
  #down = false;
  #turn: Promise<unknown> = Promise.resolve();
  #rounds: ReturnType<typeof setInterval> | undefined;

  private constructor(department: Department, desk: Signer, options: MemoryOptions) {
    this.department = department;
    this.desk = desk;
    this.cellSize = options.cellSize ?? CELL_SIZE;
    this.kem = options.kem ?? X25519;
    this.now = options.now ?? Date.now;
    this.judge = new ServerJudge(this);
    this.live = new Live(this);
    this.people = new People(this);
    this.trust = new TrustRole(this);
    this.admin = new AdminRole(this);
    this.rosters = new Rosters(this);
    this.conversations = new Conversations(this);
    this.joining = new Joining(this);
    this.log = new Log(this);
    this.orders = new Orders(this);
    this.reports = new Reports(this);
    this.keys = new Keys(this);
    this.cellKeys = new CellKeys(this);
    this.shares = new Shares(this);
    this.receipts = new Receipts(this);
    this.attachments = new Attachments(this);
    this.asking = new Asking(this);
    this.#routes = routesOf(this);
  }

  static async start(options: MemoryOptions = {}): Promise<MemoryServer> {
    const nowMs = (options.now ?? Date.now)();
    const desk = newSigner("d".repeat(32) as PersonId);
    const { policy = "none", kem: lowestKem = X25519 } = options;
    // Dated before anybody registers: a record counts from its date on.
    const founded = { nowMs: nowMs - 60_000, policy, lowestKem, admins: [desk] };
    const server = new MemoryServer(await Department.found(founded), desk, options);
    await server.judge.learnDepartment();
    const { personId, clientId, keys } = desk;
    await server.people.enlist(personId, clientId, keys.publicKey, "Desk");
    server.#rounds = setInterval(() => {
      void server.inTurn(() => server.asking.round());
    }, ROUND_MS);
    return server;
  }

  /** One after another, in the order of asking. */
  inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(step);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  get down(): boolean {
    return this.#down;
  }

  get WebSocket(): WebSocketMaker {
    return this.live.WebSocket;
  }

  codeFor(): Promise<string> {
    return Promise.resolve("000000");
  }

  conversation(id: ConversationId): ConversationState {
    const found = this.state.conversations.get(id);
    if (found === undefined) throw new Error(`no conversation ${id}`);
    return found;
  }

  conversationsOf(personId: PersonId): readonly ConversationState[] {
    return [...this.state.conversations.values()].filter(
      ({ members }) => members.get(personId)?.removedMs === null,
    );
  }

  /** The time that Time records state. */
  signedTime(): number {
    return this.frozenMs ?? this.now();
  }

  /** These people's listed devices may be others now; null: anybody's may. */
  async devicesChanged(personId: PersonId | null): Promise<void> {
    if (personId !== null) await this.#approve(personId);
    for (const conversation of this.state.conversations.values())
      if (personId === null || conversation.members.has(personId))
        await this.rosters.refresh(conversation);
  }

  /** The desk is the admin who would compare digits with a new officer. */
  async #approve(personId: PersonId): Promise<void> {
    const [first, ...more] = this.people.clientsOf(personId);
    if (!this.approves || first === undefined || more.length > 0) return;
    if (this.judge.confirmed(first)) return;
    await this.approve(first.clientId);
  }

  /** The root admin endorses a device. */
  async approve(clientId: ClientId): Promise<void> {
    const client = this.people.client(clientId);
    const person = await this.people.person(client.personId);
    const endorsed = fromHex(client.device);
    const record = await endorse(this.desk, endorsed, "admin", this.now());
    await this.judge.records.addEndorsement(record.bytes);
    person.endorsements.push(record.bytes);
    this.people.changed(person);
  }

  // --- HTTP -----------------------------------------------------------------------------------

  readonly fetch: Fetch = (url, init) => {
    if (this.#down) return Promise.reject(new TypeError("the server is down"));
    const { pathname, searchParams } = new URL(url);
    const headers = new Headers(init.headers);
    const raw = headers.get("content-type") === "application/octet-stream";
    const bytes = init.body as Uint8Array | undefined;
    const body = bytes === undefined || raw ? bytes : decode(bytes);
    const token = headers.get("authorization")?.slice(7) ?? "";
    const method = init.method ?? "GET";
    return this.inTurn(async () => {
      try {
        const answer = await this.#answer(method, pathname, token, {
          ids: [],
          body,
          query: searchParams,
        });
        if (answer === undefined) return new Response(null, { status: 204 });
        const sent = answer instanceof Uint8Array ? answer : encode(answer);
        return new Response(new Uint8Array(sent), { status: 200 });
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const { code, details, retryAfterMs } = error;
        const by = this.people.clientByToken(token)?.device.slice(0, 6) ?? "nobody";
        this.refused.push(`${by} ${method} ${pathname}: ${code} ${JSON.stringify(details)}`);
        const said = { code, message: code, remedy: "", retry: false, retryAfterMs, details };
        return new Response(new Uint8Array(encode(said)), { status: statusOf(error) });
      }
    });
  };

  #answer(method: string, path: string, token: string, request: Request): unknown {
    for (const route of this.#routes) {
      const match = route.path.exec(path);
      if (match === null || method !== route.method) continue;
      const client = this.people.clientByToken(token);
      if (client === null && route.who !== "anybody") throw new Refusal("unauthenticated");
      if (client !== null && isOut(client) && route.who !== "anybody") throw this.signedOut(client);
      if (client !== null && route.who === "confirmed") {
        if (!this.people.hasAccepted(client.personId)) throw new Refusal("conduct_not_accepted");
        this.judge.requireConfirmed(client);
      }
      return route.answer({ ...request, ids: match.slice(1) }, client as ClientState);
    }
    throw new Refusal("not_found");
  }

  /** The reason that the server gives a device for signing it out. */
  signedOut(client: ClientState): Refusal {
    const { locked } = client;
    if (locked !== null && !client.revoked) {
      const [admins, reason] = ["", "locked"];
      const details = { reason, locked_by: locked.by, locked_ms: locked.sinceMs, admins };
      return new Refusal("signed_out", details);
    }
    const revocation = this.trust.revocationOf(client);
    return new Refusal("signed_out", revocation === null ? {} : { revocation: toHex(revocation) });
  }

  // --- Operations -----------------------------------------------------------------------------

  /** As a process that ends and begins again: what it had in memory beside its state is gone. */
  restart(): Promise<void> {
    return this.inTurn(async () => {
      this.live.closeAll(CLOSE_GOING_AWAY);
      await this.judge.rebuild();
    });
  }

  /** The process ends. Its state stays, as a database does. */
  kill(): Promise<void> {
    this.#down = true;
    return this.restart();
  }

  serve(): Promise<void> {
    this.#down = false;
    return Promise.resolve();
  }

  backup(): ServerState {
    return structuredClone(this.state);
  }

  /**
   * Go back to a backup. Devices may know newer records than the server, so the roster authority
   * signs an Incarnation, and under it heads, lists of devices and cards above all that were lost.
   */
  restore(backup: ServerState): Promise<void> {
    return this.inTurn(async () => {
      this.#goBack(backup);
      const number = Math.max((this.state.incarnation?.number ?? 0) + 1, this.now());
      this.state.incarnation = await this.department.incarnation(number, this.now());
      this.state.version = number;
      for (const person of this.state.people.values()) await this.#signAnew(person, number);
      await this.judge.rebuild();
      for (const conversation of this.state.conversations.values()) {
        conversation.infoVersion = number;
        conversation.receiptsVersion = number;
        conversation.cellVersion = number;
        const { leaves, cells } = newest(conversation);
        const rekeyedCells = new Set(cells.keys());
        await this.rosters.publish(conversation, { leaves, rekey: true, rekeyedCells }, number);
        await this.rosters.refresh(conversation);
      }
    });
  }

  /** Show the state of a backup without an Incarnation: a server that lost data or its keys. */
  rollBack(backup: ServerState): Promise<void> {
    return this.inTurn(async () => {
      this.#goBack(backup);
      await this.judge.rebuild();
    });
  }

  #goBack(backup: ServerState): void {
    this.live.closeAll(CLOSE_GOING_AWAY);
    this.state = structuredClone(backup);
  }

  /** A list of devices and a card above any that was lost. */
  async #signAnew(person: PersonState, number: number): Promise<void> {
    person.version = number;
    const { personId } = person;
    const list = person.lists.at(-1);
    const now = this.now();
    if (list !== undefined) {
      const next = { number, previous: list.hash };
      person.lists.push(await this.department.personDevices(personId, list.devices, next, now));
    }
    const newestCard = person.cards.at(-1);
    if (newestCard !== undefined) {
      const { names, rank, post, unit, path, created } = PersonCardFormat.parse(newestCard);
      const createdMs = Math.max(now, created + 1);
      const values = { number, createdMs, names, rank, post, unit, path };
      person.cards.push((await this.department.card(personId, values)).bytes);
    }
  }

  /** Every conversation, for a person who reads of a failure. */
  story(): string {
    const conversations = [...this.state.conversations.keys()].map((id) => this.describe(id));
    return [...conversations, ...this.refused.slice(-LAST_REFUSED)].join("\n");
  }

  describe(id: ConversationId): string {
    const conversation = this.conversation(id);
    const { head, leaves } = newest(conversation);
    const short = (one: string): string => one.slice(0, 6);
    const lines = [
      `epoch ${String(head.epoch)}, rekey ${String(head.rekeyEpoch)}`,
      ...[...leaves.values()].map(
        (leaf) => `leaf ${short(leaf.device)} of ${leaf.personId.slice(-2)} in ${short(leaf.cell)}`,
      ),
      ...conversation.keys.map(
        (key) => `key ${short(key.keyId)} of epoch ${String(key.epoch)} by ${short(key.author)}`,
      ),
      ...conversation.log.map(
        ({ entry, device, epoch, keyId }) =>
          `${String(entry.seq)} by ${short(device)} epoch ${String(epoch)} key ${short(keyId)}`,
      ),
      ...[...conversation.shareAsks].map(
        ([device, { references }]) => `${short(device)} asks for ${[...references.keys()].join()}`,
      ),
    ];
    return lines.join("\n");
  }

  close(): Promise<void> {
    clearInterval(this.#rounds);
    this.live.closeAll(CLOSE_GOING_AWAY);
    return Promise.resolve();
  }
}
