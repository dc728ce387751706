/**
 * An account without conversations on a server in memory or a real one: everything of client/src/account over
 * real HTTP encoding, and no socket. A test says when a connection comes up ({@link Phone.connect}),
 * may lie on the wire ({@link Phone.intercept}), and restarts the app with the vault it had.
 */
import { newId, type ClientId, type DeviceId, type PersonId } from "#core/ids.ts";
import { decode, encode } from "@msgpack/msgpack";
import { ownDevice } from "#core/calls/app-state.ts";
import type { AppState } from "#core/seam.ts";
import { DeviceCalls } from "#core/account/calls.ts";
import { RegistrationCalls } from "#core/account/registering.ts";
import { AccountServices } from "#core/account/services.ts";
import type { Context } from "#core/context.ts";
import type { CoreEvent, PresenceRequest } from "#core/core.ts";
import { failure } from "#core/failure.ts";
import { PeopleDirectory } from "#core/people/people.ts";
import { Api } from "#core/transport/api.ts";
import { Http, type Fetch } from "#core/transport/http.ts";
import { MINUTE_MS } from "#core/keys/format/times.ts";
import { fromHex } from "#core/octets.ts";
import { Vault } from "#core/vault/vault.ts";
import type { Ready } from "#core/wire.ts";
import type { Signer } from "../support/department.ts";
import { numberOf } from "../support/people.ts";
import type { MemoryServer } from "../memory/server.ts";

export interface Clock {
  ms: number;
}

/** Changes an answer, or throws its failure. */
export type Lie = (path: string, answer: unknown) => unknown;

/** A phone's view of a server, in memory or real. */
export interface PhoneServer {
  readonly origin: string;
  readonly fetch: Fetch;
  codeFor(number: string): Promise<string>;
  /** The frame that the socket would send first. */
  ready(phone: Phone): Promise<Ready>;
}

export function inMemory(server: MemoryServer, clock: Clock): PhoneServer {
  return {
    origin: server.origin,
    fetch: server.fetch,
    codeFor: () => server.codeFor(),
    ready: async (phone) => ({
      ...{ t: "ready", serverTimeMs: clock.ms, trustVersion: server.state.version },
      meVersion: await server.people.meVersion(server.people.client(phone.clientId)),
      ...{ directoryVersion: "1", guardPolicy: 1, guardPictures: 0, sanctioned: false, heads: [] },
    }),
  };
}

/** The PIN that each test's person sets before the first act of weight. */
export const TEST_PIN = "471100";

export class Phone {
  readonly server: PhoneServer;
  readonly clock: Clock;
  readonly vaultName: string;
  readonly events: CoreEvent[] = [];
  vault!: Vault;
  api!: Api;
  services!: AccountServices;
  calls!: DeviceCalls;
  registration!: RegistrationCalls;
  people!: PeopleDirectory;
  offline = false;
  pin: string = TEST_PIN;
  /** Whether the person proves to be there when an act asks. */
  answersPresence = true;
  /** Ends the app at a request whose path contains this, after the server has had it. */
  crashAfter: string | null = null;
  intercept: Lie = (_, answer) => answer;
  /** Paths of all requests. */
  readonly asked: string[] = [];

  private constructor(server: PhoneServer, clock: Clock, vaultName: string) {
    this.server = server;
    this.clock = clock;
    this.vaultName = vaultName;
  }

  static register(server: MemoryServer, clock: Clock, index: number, label = "Phone") {
    return Phone.registerAt(inMemory(server, clock), clock, index, label);
  }

  static async registerAt(server: PhoneServer, clock: Clock, index: number, label: string) {
    const phone = new Phone(server, clock, `phone-${newId()}`);
    await phone.start();
    const { challengeId } = await phone.registration.requestCode(numberOf(index), "en");
    const code = await server.codeFor(numberOf(index));
    const { ticket } = await phone.registration.submitCode(challengeId, code);
    await phone.services.register(ticket, label);
    await phone.services.equip();
    const { conductRequired } = await phone.services.account.refreshMe();
    await phone.api.acceptConduct({ version: conductRequired, language: "en" });
    await phone.connect();
    return phone;
  }

  /** The person sets a PIN where there is none, and enters it. */
  async #prove({ number }: PresenceRequest): Promise<void> {
    if (!this.vault.hasPin) await this.vault.setPin(this.pin, null);
    await this.services.presences.give(number, { pin: this.pin });
  }

  /** The app starts with the vault that it had, as after a crash. */
  async start(): Promise<void> {
    // Argon2id at an officer's cost would take more of the processor than all else in these tests.
    const pinCost = { memoryKiB: 64, passes: 1 };
    this.vault = new Vault({ name: this.vaultName, now: () => this.clock.ms, pinCost });
    if ((await this.vault.open()) === "locked") await this.vault.unlock(this.pin);
    const api = new Api(
      new Http({
        server: this.server.origin,
        fetch: (url, init) => this.#fetch(url, init),
        random: () => 0,
        token: () => this.services.account.record?.accessToken ?? null,
        renewToken: () => this.services.account.renewToken(),
        onRefused: () => undefined,
      }),
    );
    this.api = api;
    const context: Context = {
      ...{ vault: this.vault, api, now: () => this.clock.ms, random: () => 0 },
      emit: (event) => {
        this.events.push(event);
        if (event.type === "presence" && event.request !== null && this.answersPresence)
          void this.#prove(event.request);
      },
    };
    this.services = new AccountServices({
      context,
      monotonic: () => this.clock.ms,
      serverNow: () => this.clock.ms,
      onClosed: () => undefined,
      onStanding: () => undefined,
    });
    this.people = new PeopleDirectory(context, this.services.trust);
    const { people, services } = this;
    this.calls = new DeviceCalls({ context, services, people });
    this.registration = new RegistrationCalls(context.api);
    await this.services.load();
  }

  /** This device as screens show it. */
  state(): Promise<AppState["device"]> {
    return ownDevice(this.services, this.people);
  }

  async restart(): Promise<void> {
    this.vault.close();
    await this.start();
  }

  /** A connection comes up. */
  async connect(): Promise<void> {
    await this.services.onReady(await this.server.ready(this), Promise.resolve());
  }

  get personId(): PersonId {
    return this.services.account.require().personId;
  }

  get clientId(): ClientId {
    return this.services.account.require().clientId;
  }

  get device(): DeviceId {
    return this.services.account.require().device;
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const { pathname } = new URL(url);
    this.asked.push(`${init.method ?? "GET"} ${pathname}`);
    if (this.offline) throw new TypeError("offline");
    const response = await this.server.fetch(url, init);
    if (this.crashAfter !== null && `${init.method ?? "GET"} ${pathname}`.includes(this.crashAfter))
      throw new TypeError("the app ended");
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === 0) return new Response(null, { status: response.status });
    const answer = this.intercept(pathname, decode(bytes));
    return new Response(new Uint8Array(encode(answer)), { status: response.status });
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

/** The keys of a phone, as somebody who copied its vault has them. */
export function signerOf(phone: Phone): Signer {
  const { personId, clientId, device, ...keys } = phone.services.account.require();
  return {
    ...{ personId, clientId, device: device as DeviceId, deviceBytes: fromHex(device) },
    keys: { privateKey: keys.signaturePrivateKey, publicKey: keys.signaturePublicKey },
  };
}

/** The old phone confirms the new one by digits; two minutes pass. */
export async function confirm(old: Phone, fresh: Phone): Promise<void> {
  old.clock.ms += MINUTE_MS;
  const view = await old.calls.beginConfirmation(fresh.device);
  await fresh.services.onAccountEvent("confirmation");
  await fresh.calls.answerConfirmation(view.confirmationId);
  for (const phone of [old, fresh]) await phone.services.onAccountEvent("confirmation");
  const shown = (await fresh.calls.confirmations()).find(({ digits }) => digits !== null);
  await old.calls.confirmDigits(view.confirmationId, shown?.digits ?? "");
  old.clock.ms += MINUTE_MS;
  for (const phone of [old, fresh]) await phone.services.onAccountEvent("clients");
}

/** How a phone confirms a device of its person now. */
export async function confirmedOf(phone: Phone, device: DeviceId, clock: Clock): Promise<string> {
  await phone.services.trust.ensure([phone.personId], { fresh: true });
  const { trust } = phone.services;
  return (await trust.verdict(phone.personId, device as never, clock.ms)).confirmed;
}
