/**
 * An account without conversations on the server in memory: everything of client/src/account over
 * real HTTP encoding, and no socket. A test says when a connection comes up ({@link Phone.connect}),
 * may lie on the wire ({@link Phone.intercept}), and restarts the app with the vault it had.
 */
import { decode, encode } from "@msgpack/msgpack";
import { AccountCalls } from "../../src/account/calls.ts";
import { AccountServices } from "../../src/account/services.ts";
import type { Context } from "../../src/context.ts";
import type { CoreEvent } from "../../src/core.ts";
import { failure } from "../../src/failure.ts";
import { newId } from "../../src/octets.ts";
import { People } from "../../src/people/people.ts";
import { Api } from "../../src/transport/api.ts";
import { Http } from "../../src/transport/http.ts";
import { EndorsementFormat } from "../../src/trust/endorsement.ts";
import { GrantFormat } from "../../src/trust/grant.ts";
import { Vault } from "../../src/vault/vault.ts";
import type { PersonTrust } from "../../src/wire.ts";
import { numberOf } from "../data-folder.ts";
import type { MemoryServer } from "../memory/server.ts";
import { toHex } from "../../src/octets.ts";

export interface Clock {
  ms: number;
}

/** Changes an answer, or the failure that stands for it. */
export type Lie = (path: string, answer: unknown) => unknown;

export class Phone {
  readonly server: MemoryServer;
  readonly clock: Clock;
  readonly vaultName: string;
  readonly events: CoreEvent[] = [];
  vault!: Vault;
  services!: AccountServices;
  calls!: AccountCalls;
  people!: People;
  offline = false;
  /** Ends the app at a request whose path contains this, after the server has had it. */
  crashAfter: string | null = null;
  intercept: Lie = (_, answer) => answer;
  /** Paths of all requests. */
  readonly asked: string[] = [];

  private constructor(server: MemoryServer, clock: Clock, vaultName: string) {
    this.server = server;
    this.clock = clock;
    this.vaultName = vaultName;
  }

  static async register(server: MemoryServer, clock: Clock, index: number, label = "Phone") {
    const phone = new Phone(server, clock, `phone-${newId()}`);
    await phone.start();
    const { challengeId } = await phone.calls.requestCode(numberOf(index), "en");
    const { ticket } = await phone.calls.submitCode(challengeId, "000000");
    await phone.services.register(ticket, label);
    await phone.services.equip();
    await phone.connect();
    return phone;
  }

  /** The app starts with the vault that it had, as after a crash. */
  async start(): Promise<void> {
    this.vault = new Vault({ name: this.vaultName, now: () => this.clock.ms });
    await this.vault.open();
    const api = new Api(
      new Http({
        server: this.server.origin,
        fetch: (url, init) => this.#fetch(url, init),
        random: () => 0,
        token: () => this.services.account.record?.accessToken ?? null,
        onRefused: () => undefined,
      }),
    );
    const context: Context = {
      ...{ vault: this.vault, api, now: () => this.clock.ms, random: () => 0 },
      emit: (event) => void this.events.push(event),
    };
    this.services = new AccountServices({
      context,
      monotonic: () => this.clock.ms,
      serverNow: () => this.clock.ms,
      onStanding: () => undefined,
    });
    this.people = new People(context, this.services.trust);
    const { people, services } = this;
    this.calls = new AccountCalls({ context, services, people });
    await this.services.load();
  }

  async restart(): Promise<void> {
    this.vault.close();
    await this.start();
  }

  /** A connection comes up. */
  async connect(): Promise<void> {
    const client = this.server.people.client(this.clientId);
    await this.services.onReady({
      ...{ t: "ready", serverTimeMs: this.clock.ms, trustVersion: this.server.state.version },
      meVersion: await this.server.people.meVersion(client),
      ...{ directoryVersion: "1", heads: [] },
    });
  }

  get personId(): string {
    return this.services.account.require().personId;
  }

  get clientId(): string {
    return this.services.account.require().clientId;
  }

  get device(): string {
    return this.services.account.require().device;
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const { pathname } = new URL(url);
    this.asked.push(`${init.method ?? "GET"} ${pathname}`);
    if (this.offline) throw new TypeError("offline");
    const made = /\/devices\/([0-9a-f]{64})\/made$/u.exec(pathname)?.[1];
    const response =
      made === undefined
        ? await this.server.fetch(url, init)
        : new Response(new Uint8Array(encode(this.#made(made))));
    if (this.crashAfter !== null && `${init.method ?? "GET"} ${pathname}`.includes(this.crashAfter))
      throw new TypeError("the app ended");
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === 0) return new Response(null, { status: response.status });
    const answer = this.intercept(pathname, decode(bytes));
    return new Response(new Uint8Array(encode(answer)), { status: response.status });
  }

  #made(device: string) {
    const all = [...this.server.state.people.values()];
    const endorsements = all.flatMap((person) =>
      person.endorsements.filter(
        (bytes) => toHex(EndorsementFormat.parse(bytes).endorser) === device,
      ),
    );
    const grants = all.flatMap((person) =>
      person.grants.filter((bytes) => toHex(GrantFormat.parse(bytes).grantor) === device),
    );
    const people: PersonTrust[] = all.map((person) => this.server.people.bundle(person, false));
    return { endorsements, grants, people };
  }
}

/** The failure code that a promise rejects with; throws if it resolves. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => failure("internal", { details: { reason: "it was accepted" } }),
    (reason: unknown) => reason,
  );
  if (typeof error === "object" && error !== null && "code" in error) return String(error.code);
  throw error;
}
