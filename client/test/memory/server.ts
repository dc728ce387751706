/**
 * A server in memory that the real client core talks to through its own `fetch` and `WebSocket`:
 * accounts of a test department, and conversations that follow docs/protocol.md. Nothing is written
 * anywhere and no time passes but the machine's, so that a test can run thousands of histories,
 * hold back and lose what it wants, and look at everything.
 */
import { decode, encode } from "@msgpack/msgpack";
import { newId } from "../../src/octets.ts";
import type { Fetch } from "../../src/transport/http.ts";
import { parseCertificate } from "../../src/trust/certificate.ts";
import type { WebSocketMaker } from "../../src/transport/socket.ts";
import type * as wire from "../../src/wire.ts";
import { Department } from "../certificates.ts";
import { MemoryConversation } from "./conversation.ts";
import { Refusal, type Client } from "./log.ts";

const CONDUCT = "1";
const DAY_MS = 24 * 3_600_000;
const LIVES_MS = 90 * DAY_MS;
const RENEWED_BEFORE_MS = 30 * DAY_MS;
const NAMES = { en: "Officer", te: "" };

interface Account extends Client {
  readonly token: string;
  readonly oneTime: Uint8Array[];
  lastResort: Uint8Array | null;
  accepted: boolean;
  revoked: boolean;
}

interface Connection {
  readonly clientId: string;
  push(frame: wire.ServerFrame): void;
  close(code: number): void;
}

type Handler = (account: Account, match: readonly string[], body: never, url: URL) => unknown;

export class MemoryServer {
  readonly origin = "http://memory.test";
  readonly department = new Department();
  readonly conversations = new Map<string, MemoryConversation>();
  readonly accounts = new Map<string, Account>();
  readonly connections = new Set<Connection>();
  /** Attachments that are held, whole; their chunks are not. */
  readonly attachments = new Set<string>();
  readonly cellSize: number;
  readonly suite: number;
  /** So much later is it here, and for devices that are given {@link now}, than outside. */
  laterMs = 0;
  readonly now = (): number => Date.now() + this.laterMs;
  /** What becomes of a frame on its way to a client; null: it is lost. */
  pushes: (clientId: string, frame: wire.ServerFrame) => wire.ServerFrame | null = (_, frame) =>
    frame;
  /** Who comes back is sent what it missed from memory, where that is there. */
  recent = false;
  readonly #tickets = new Map<string, string>();
  readonly #routes: readonly (readonly [string, RegExp, Handler])[];

  constructor(cellSize: number, suite: number) {
    this.cellSize = cellSize;
    this.suite = suite;
    this.#routes = this.#allRoutes();
  }

  log(): string {
    return "";
  }

  codeFor(): Promise<string> {
    return Promise.resolve("000000");
  }

  close(): Promise<void> {
    for (const connection of [...this.connections]) connection.close(1001);
    return Promise.resolve();
  }

  account(clientId: string): Account {
    const found = [...this.accounts.values()].find((one) => one.clientId === clientId);
    if (found === undefined) throw new Error("no such client");
    return found;
  }

  conversation(id: string): MemoryConversation {
    const found = this.conversations.get(id);
    if (found === undefined) throw new Error(`no conversation ${id}`);
    return found;
  }

  clientsOf(personId: string): readonly Account[] {
    return [...this.accounts.values()].filter((one) => one.personId === personId && !one.revoked);
  }

  /** As a department does with a lost phone. */
  revoke(clientId: string): void {
    const account = this.account(clientId);
    account.revoked = true;
    this.department.revoke({ ...account }, this.now());
    for (const conversation of this.conversations.values()) {
      if (conversation.leafOf(clientId) === undefined) continue;
      const drop = (leaf: wire.RosterLeaf): boolean => leaf.clientId === clientId;
      conversation.edit({ reason: "device_removed", by: null, drop });
    }
    for (const connection of [...this.connections])
      if (connection.clientId === clientId) connection.close(4403);
  }

  // --- HTTP ------------------------------------------------------------------------------------

  readonly fetch: Fetch = async (url, init) => {
    await Promise.resolve();
    const { pathname } = new URL(url);
    const raw = new Headers(init.headers).get("content-type") === "application/octet-stream";
    const body = init.body === undefined || raw ? undefined : decode(init.body as Uint8Array);
    try {
      for (const [method, pattern, handler] of this.#routes) {
        const match = pattern.exec(pathname);
        if (match === null || method !== init.method) continue;
        const token = new Headers(init.headers).get("authorization")?.slice(7) ?? "";
        const account = this.accounts.get(token);
        if (account?.revoked === true) throw new Refusal("unauthenticated");
        const answer = handler(account as Account, match, body as never, new URL(url));
        return answer === undefined
          ? new Response(null, { status: 204 })
          : new Response(new Uint8Array(encode(answer)), { status: 200 });
      }
      throw new Refusal("not_found");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, details, retryAfterMs } = error;
      const retry = code === "join_busy";
      const said = { code, message: code, remedy: "", retry, retryAfterMs, details };
      return new Response(new Uint8Array(encode(said)), { status: 409 });
    }
  };

  #allRoutes(): readonly (readonly [string, RegExp, Handler])[] {
    const at = (path: string): RegExp =>
      new RegExp(`^/v1${path.replaceAll("{}", "([0-9a-f]+)")}$`, "u");
    const routes: (readonly [string, RegExp, Handler])[] = [];
    const add = (method: string, path: string, handler: Handler): void => {
      routes.push([method, at(path), handler]);
    };
    this.#accountRoutes(add);
    const within = (
      method: string,
      path: string,
      handler: (
        conversation: MemoryConversation,
        account: Account,
        match: readonly string[],
        body: never,
        url: URL,
      ) => unknown,
    ): void => {
      add(method, `/conversations/{}${path}`, (account, match, body, url) => {
        const conversation = this.conversations.get(match[1] ?? "");
        if (conversation === undefined) throw new Refusal("not_member");
        return handler(conversation, account, match.slice(2), body, url);
      });
    };
    const number = (url: URL, name: string): number => Number(url.searchParams.get(name) ?? 0);
    add("POST", "/conversations", (account, _, body) => this.#create(account, body));
    add("GET", "/conversations", (account) => ({ conversations: this.#listed(account) }));
    within("GET", "", (one, account) => one.view(account));
    within("GET", "/members", (one, account) => one.memberPage(account));
    within("POST", "/members", (one, account, _, body) => {
      one.changeMembers(account, body, (personId) => this.clientsOf(personId));
      return one.members.has(account.personId) ? one.view(account) : {};
    });
    within("PUT", "/policy", (one, account, _, body) => {
      one.whoMayPost = (body as wire.ChangePolicy).whoMayPost;
      return one.view(account);
    });
    within("GET", "/roster", (one, account) => one.roster(account));
    within("GET", "/roster/heads", (one, account, _, _body, url) =>
      one.heads(account, number(url, "from"), number(url, "to")),
    );
    within("GET", "/log", (one, account, _, _body, url) =>
      one.page(account, number(url, "after"), number(url, "limit")),
    );
    within("POST", "/messages", (one, account, _, body) => {
      this.#requireAttachments(body);
      return one.post(account, body);
    });
    within("POST", "/sealed", (one, account, _, body) => {
      this.#requireAttachments(body);
      return one.postSealed(account, body);
    });
    within("GET", "/sealed/chain", (one, account) => one.chain(account));
    within("GET", "/sealed/wanted", (one, account) => one.wanted(account));
    within("GET", "/sealed/{}", (one, account, [seq]) => one.sealedEntry(account, Number(seq)));
    within("POST", "/sealed/{}/seals", (one, account, [seq], body) =>
      one.lateSeals(account, Number(seq), body),
    );
    within("GET", "/roster/cells", (one, account) => one.rosterCells(account));
    within("GET", "/keys", (one, account, _, _body, url) =>
      one.keys(account, number(url, "since")),
    );
    within("GET", "/cells/{}/roster", (one, account, [cell = ""]) => one.cellRoster(account, cell));
    within("POST", "/cells/{}/commits", (one, account, [cell = ""], body) =>
      one.commit(account, cell, body),
    );
    within("POST", "/cells/{}/leases", (one, account, [cell = ""]) => one.lease(account, cell));
    within("PUT", "/cells/{}/key-record", (one, account, [cell = ""], body) =>
      one.uploadKeyRecord(account, cell, body),
    );
    within("GET", "/cells/{}/welcome", (one, account, [cell = ""]) => one.welcome(account, cell));
    within("DELETE", "/cells/{}/welcome", (one, account, [cell = ""]) =>
      one.forgetWelcome(account, cell),
    );
    return routes;
  }

  #accountRoutes(add: (method: string, path: string, handler: Handler) => void): void {
    add("POST", "/registration/numbers", (_, _match, body) => {
      const challengeId = newId();
      this.#tickets.set(challengeId, (body as wire.RequestCode).number);
      return { challengeId, codeLength: 6, expiresInMs: 300_000, resendAfterMs: 0 };
    });
    add("POST", "/registration/codes", (_, _match, body) => {
      const ticket = (body as wire.SubmitCode).challengeId;
      return { ticket, next: "device", names: NAMES, expiresInMs: 300_000 };
    });
    add("POST", "/registration/clients", (_, _match, body) => this.#register(body));
    add("GET", "/trust", () => this.department.trust());
    add("GET", "/conduct", () => ({
      version: CONDUCT,
      language: "en",
      title: "Rules",
      rules: ["Be brief."],
    }));
    add("POST", "/conduct/acceptances", (account) => {
      account.accepted = true;
      return this.#me(account);
    });
    add("GET", "/me", (account) => this.#me(account));
    add("POST", "/certificates", (account) => this.#renew(account));
    add("POST", "/sign-out", (account) => this.revoke(account.clientId));
    add("DELETE", "/clients/{}", (account, match) => {
      this.revoke(match[1] ?? "");
      return this.#me(account);
    });
    add("GET", "/directory", () => ({
      version: "1",
      units: [],
      levels: [],
      ranks: [],
      roles: [],
    }));
    add("POST", "/people/lookups", (_, _match, body) => {
      const people = (body as wire.LookUpPeople).personIds.map(personOf);
      return { people, next: null, total: people.length };
    });
    add("POST", "/key-packages", (account, _match, body) => {
      const { oneTime, lastResort } = body as wire.UploadKeyPackages;
      account.oneTime.push(...oneTime);
      account.lastResort = lastResort ?? account.lastResort;
      return this.#keyPackages(account);
    });
    add("POST", "/attachments", (_, _match, body) =>
      this.#attachment((body as wire.BeginAttachment).attachmentId),
    );
    add("PUT", "/attachments/{}/chunks/{}", (_, match) => this.#attachment(match[1] ?? ""));
    add("GET", "/key-packages", (account) => this.#keyPackages(account));
    add("POST", "/key-packages/claims", (_, _match, body) => {
      const { clientIds } = body as wire.ClaimKeyPackages;
      const keyPackages = clientIds.flatMap((clientId) => {
        const { personId, oneTime, lastResort, revoked } = this.account(clientId);
        const keyPackage = revoked ? null : (oneTime.pop() ?? lastResort);
        return keyPackage === null ? [] : [{ clientId, personId, keyPackage }];
      });
      return { keyPackages };
    });
  }

  #requireAttachments({ attachmentIds }: Pick<wire.PostMessage, "attachmentIds">): void {
    if (!attachmentIds.every((id) => this.attachments.has(id)))
      throw new Refusal("attachment_incomplete");
  }

  #attachment(attachmentId: string): wire.AttachmentStatus {
    this.attachments.add(attachmentId);
    return { attachmentId, size: 0, chunks: 1, received: [], complete: true };
  }

  #keyPackages({ oneTime, lastResort }: Account): wire.KeyPackageCounts {
    const { suite } = this;
    return { counts: [{ suite, oneTime: oneTime.length, lastResort: lastResort !== null }] };
  }

  #register(body: wire.RegisterClient): wire.ClientRegistered {
    const number = this.#tickets.get(body.ticket) ?? "";
    const personId = `${"0".repeat(32)}${number.slice(-5)}`.slice(-32);
    const { clientId } = body;
    const keys = { privateKey: new Uint8Array(), publicKey: body.signaturePublicKey };
    const lives = { notAfterMs: this.now() + LIVES_MS };
    const device = this.department.device({ personId, clientId, keys, ...lives });
    const { certificate, certificateHash } = device;
    const token = newId();
    const account: Account = {
      ...{ personId, clientId, certificate, certificateHash, token },
      ...{ oneTime: [], lastResort: null, accepted: false, revoked: false },
    };
    const others = this.clientsOf(personId);
    this.accounts.set(token, account);
    for (const conversation of this.conversations.values())
      if (conversation.members.has(personId) && others.length > 0)
        conversation.edit({ reason: "device_added", by: personId, add: [account] });
    const trust = this.department.trust();
    return { personId, clientId, certificate, accessToken: token, trust };
  }

  #renew(account: Account): wire.CertificateRenewed {
    const { personId, clientId } = account;
    const { publicKey, notAfterMs } = parseCertificate(account.certificate);
    if (notAfterMs - this.now() <= RENEWED_BEFORE_MS) {
      const keys = { privateKey: new Uint8Array(), publicKey };
      const lives = { notAfterMs: this.now() + LIVES_MS };
      const renewed = this.department.device({ personId, clientId, keys, ...lives });
      account.certificate = renewed.certificate;
      account.certificateHash = renewed.certificateHash;
      for (const conversation of this.conversations.values())
        if (conversation.leafOf(clientId) !== undefined)
          conversation.edit({ reason: "renewed", by: personId, add: [account] });
    }
    return { certificate: account.certificate };
  }

  #me(account: Account): wire.Me {
    return {
      person: personOf(account.personId),
      clientId: account.clientId,
      clients: this.clientsOf(account.personId).map((one) => ({
        clientId: one.clientId,
        label: "",
        createdMs: 0,
        lastSeenMs: null,
        certificateHash: one.certificateHash,
        certificateExpiresMs: parseCertificate(one.certificate).notAfterMs,
        revoked: false,
      })),
      conductVersion: account.accepted ? CONDUCT : null,
      conductCurrent: CONDUCT,
      unitAdmin: false,
    };
  }

  #create(account: Account, body: wire.CreateConversation): wire.Conversation {
    const known = this.conversations.get(body.conversationId);
    if (known !== undefined) return known.view(account);
    const conversation = new MemoryConversation(
      this.department,
      body.kind === "direct" ? Infinity : this.cellSize,
      { entry: (to, entry) => this.#pushEntry(to, entry), frame: (to, one) => this.push(to, one) },
      body,
      account.personId,
      () => this.now(),
    );
    conversation.suite = this.suite;
    conversation.online = (clientId) => this.online(clientId);
    this.conversations.set(conversation.id, conversation);
    const people = [account.personId, ...body.personIds];
    for (const personId of people)
      conversation.members.set(personId, {
        admin: body.kind !== "direct" && personId === account.personId,
        addedMs: this.now(),
        deliveredSeq: 0,
        readSeq: 0,
      });
    conversation.edit(
      {
        reason: "created",
        by: account.personId,
        add: people.flatMap((personId) => this.clientsOf(personId)),
        addedPeople: people,
        madeAdmin: body.kind === "direct" ? [] : [account.personId],
      },
      body.cellId,
    );
    return conversation.view(account);
  }

  #listed(account: Account): readonly wire.Conversation[] {
    return [...this.conversations.values()]
      .filter((one) => one.members.has(account.personId))
      .map((one) => one.view(account));
  }

  // --- Sockets ---------------------------------------------------------------------------------

  online(clientId: string): boolean {
    return [...this.connections].some((one) => one.clientId === clientId);
  }

  push(clientIds: readonly string[], frame: wire.ServerFrame): void {
    for (const connection of this.connections) {
      if (!clientIds.includes(connection.clientId)) continue;
      const pushed = this.pushes(connection.clientId, frame);
      if (pushed !== null) connection.push(pushed);
    }
  }

  #pushEntry(clientIds: readonly string[], entry: (clientId: string) => wire.LogEntry): void {
    for (const clientId of clientIds) this.push([clientId], { t: "entry", entry: entry(clientId) });
  }

  /** What of a conversation a client is sent right after Ready; null: it asks the log. */
  #missed(
    { clientId }: Account,
    { positions }: wire.Hello,
    conversationId: string,
  ): readonly wire.LogEntry[] | null {
    const position = positions.find((one) => one.conversationId === conversationId);
    if (!this.recent || position === undefined) return null;
    return this.conversation(conversationId).recentSince(clientId, position.seq);
  }

  #ready(account: Account, hello: wire.Hello): wire.Ready {
    return {
      t: "ready",
      serverTimeMs: this.now(),
      trustVersion: this.department.trust().version,
      directoryVersion: "1",
      heads: this.#listed(account).map((info) => ({
        conversationId: info.conversationId,
        lastSeq: info.lastSeq,
        follows: this.#missed(account, hello, info.conversationId) !== null,
        infoVersion: info.infoVersion,
        receiptsVersion: 0,
        deliveredSeq: info.deliveredSeq,
        readSeq: info.readSeq,
      })),
      meVersion: "1",
    };
  }

  readonly WebSocket: WebSocketMaker = ((server: MemoryServer) =>
    class {
      binaryType = "arraybuffer";
      readonly bufferedAmount = 0;
      onopen: (() => void) | null = null;
      onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
      onclose: ((event: { code: number }) => void) | null = null;
      onerror: (() => void) | null = null;
      #connection: Connection | null = null;

      constructor() {
        queueMicrotask(() => this.onopen?.());
      }

      send(data: Uint8Array): void {
        const frame = decode(data) as wire.ClientFrame;
        if (frame.t !== "hello") return;
        const account = server.accounts.get(frame.accessToken);
        if (account === undefined || account.revoked) return this.#end(4403);
        const push = (one: wire.ServerFrame): void => {
          const bytes = new Uint8Array(encode(one));
          queueMicrotask(() => this.onmessage?.({ data: bytes.buffer }));
        };
        const { clientId } = account;
        this.#connection = { clientId, push, close: (code) => this.#end(code) };
        server.connections.add(this.#connection);
        const ready = server.#ready(account, frame);
        push(ready);
        for (const { conversationId } of ready.heads)
          for (const entry of server.#missed(account, frame, conversationId) ?? [])
            push({ t: "entry", entry });
      }

      close(): void {
        this.#end(1000);
      }

      #end(code: number): void {
        if (this.#connection !== null) server.connections.delete(this.#connection);
        this.#connection = null;
        queueMicrotask(() => this.onclose?.({ code }));
      }
    })(this) as unknown as WebSocketMaker;
}

function personOf(personId: string): wire.Person {
  return {
    personId,
    names: { en: `Officer ${String(Number(personId))}`, te: "" },
    number: "",
    rank: "PC",
    post: { en: "Constable", te: "" },
    roles: [],
    unitId: "TG",
    registered: true,
    status: "active",
  };
}
