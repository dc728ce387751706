/**
 * The life of the core on this device: vault, account, lock, sign-out, and the running {@link Device}.
 *
 * Invariants: nothing of the device runs while the vault is locked; a person who signs out wipes
 * the device's data, with or without the server; a server that refuses the device does not, unless a
 * revocation that others signed says so (E6): the data is kept, locked; each rejection is a CoreFailure.
 */
import type { ConversationId } from "../ids.ts";
import { hasAccepted } from "../account/conduct.ts";
import { AccountServices } from "../account/services.ts";
import type { Context } from "../context.ts";
import type { AppState, CoreEvent, CoreListener, PresenceGiven, SignedOutReason } from "../seam.ts";
import { asFailure } from "../as-failure.ts";
import { failure, hasCode } from "../failure.ts";
import { Oneself } from "../oneself/oneself.ts";
import { PeopleDirectory } from "../people/people.ts";
import { PostDirectory } from "../people/posts.ts";
import { Api } from "../transport/api.ts";
import { Http } from "../transport/http.ts";
import { META, deleteMeta, putMeta } from "../vault/changes.ts";
import { Vault } from "../vault/vault.ts";
import type { AccountFrame, Language } from "../wire.ts";
import { appStateOf, ownDevice } from "./app-state.ts";
import { AutoLock } from "./auto-lock.ts";
import { Device } from "./device.ts";
import { inTurn } from "../sync/in-turn.ts";
import { mayNotify } from "./talking/notifying.ts";
import type { DeviceAccess } from "./reach.ts";
import { Refusals } from "./refusals.ts";
import { Reporting } from "./reporting.ts";
import type { SessionOptions } from "./session-options.ts";
import { ToldKeys } from "./told-keys.ts";

const ASK_AGAIN_MS = 5_000;

export class Session {
  readonly api: Api;
  readonly people: PeopleDirectory;
  readonly oneself: Oneself;
  readonly reporting: Reporting;
  readonly reach: DeviceAccess;
  readonly toldKeys = new ToldKeys();
  readonly #options: SessionOptions;
  readonly #vault: Vault;
  readonly context: Context;
  readonly services: AccountServices;
  readonly #autoLock: AutoLock;
  readonly #refusals: Refusals;
  readonly #listeners = new Set<CoreListener>();
  #device: Device | null = null;
  #starting: Promise<AppState> | null = null;
  #phase: AppState["phase"] = "register";
  #entered = false;
  /** The state that was announced last. */
  #told = "";
  #reason: string | null = null;
  #connection: AppState["connection"] = "offline";
  #catchingUp = false;
  #updateRequired = false;
  #skewMs = 0;
  #visible: ConversationId | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { now, monotonic, random, storage, program } = options;
    const vault = new Vault({ name: options.vaultName, now, storage });
    this.#vault = vault;
    this.#autoLock = new AutoLock(vault, () => void this.lock());
    vault.onClosed = () => {
      this.#stopDevice();
      this.services.reset();
      this.#refusals.reset();
      void this.#enter("storage_failed");
    };
    const http = new Http({
      server: options.origin,
      fetch: options.fetch,
      random,
      token: () => this.#account.record?.accessToken ?? null,
      renewToken: () => this.#account.renewToken(),
      onRefused: (code) => void this.#refused(code),
    });
    const api = new Api(http);
    this.api = api;
    const emit = (event: CoreEvent): void => {
      this.#emit(event);
    };
    const context: Context = { vault, api, now, random, emit, program };
    this.context = context;
    const services = new AccountServices({
      ...{ context, monotonic },
      serverNow: () => now() - this.#skewMs,
      onStanding: () => void this.#changed(),
      onClosed: () => this.#device?.announceAll(),
    });
    this.services = services;
    this.#refusals = new Refusals({
      ...{ vault, services, plate: (personId) => this.people.plate(personId) },
      onTaken: () => this.#taken(),
      onAway: async (reason) => {
        this.#stopDevice();
        await this.#enter("signed_out", reason);
      },
      onWipe: (reason) => this.#wipe(reason),
      onUnclear: () => setTimeout(() => this.#device?.socket.start(), ASK_AGAIN_MS),
    });
    this.people = new PeopleDirectory(context, services.trust);
    this.oneself = new Oneself(context);
    this.reach = {
      ...{ guard: services.guard, training: services.training, sanctions: services.sanctions },
      device: () => this.#running(),
      deviceThatKeeps: () => this.#keeping(),
      people: this.people,
      posts: new PostDirectory(context, this.people),
      oneself: this.oneself,
      labelOf: (clientId) => this.#account.labelOf(clientId),
      department: () => this.#account.trust,
    };
    this.reporting = new Reporting(this.reach, services);
  }

  get #account() {
    return this.services.account;
  }

  // --- Events and state ------------------------------------------------------------------------

  readonly subscribe = (listener: CoreListener): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  #emit(event: CoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #snapshot(): Promise<AppState> {
    const own = this.#account.record === null ? null : await ownDevice(this.services, this.people);
    return appStateOf({
      own,
      phase: this.#phase,
      reason: this.#reason,
      kept: this.#refusals.away,
      lostLock: await this.#refusals.lock(),
      account: this.#account.record,
      vault: this.#vault,
      autoLockMs: this.#autoLock.afterMs,
      connection: this.#connection,
      device: this.#device,
      catchingUp: this.#catchingUp,
      updateRequired: this.#updateRequired || !this.services.versionMaySend,
      sanctioned: this.services.sanctions.all.length > 0,
      ...{ clockSkewMs: this.#skewMs, timeWaitMs: this.services.time.waiting?.untilMs ?? null },
    });
  }

  async #changed(): Promise<AppState> {
    this.toldKeys.tell(this.#vault.handedKeys);
    const state = await this.#snapshot();
    // Until the state of the device is known, tabs show what the core before this one said.
    if (!this.#entered) return state;
    const told = JSON.stringify(state);
    if (told !== this.#told) this.#emit({ type: "app", state });
    this.#told = told;
    return state;
  }

  #enter(phase: AppState["phase"], reason: string | null = null): Promise<AppState> {
    this.#entered = true;
    this.#phase = phase;
    this.#reason = reason;
    return this.#changed();
  }

  // --- Starting --------------------------------------------------------------------------------

  /** A page has been opened: where the database was lost, open what is there now. */
  start(): Promise<AppState> {
    if (this.#phase === "storage_failed") this.#starting = null;
    return this.state();
  }

  /** The latest state, once the core has started. */
  state(): Promise<AppState> {
    this.#starting ??= this.#start();
    return this.#starting.then(() => this.#snapshot());
  }

  async #start(): Promise<AppState> {
    try {
      const state = await this.#vault.open(this.#options.keys);
      if (state === "locked") return await this.#enter("locked");
      return await this.#openAccount();
    } catch (error) {
      if (hasCode(error, "trust_invalid")) throw error;
      return this.#enter("storage_failed", asFailure(error).code);
    }
  }

  async #openAccount(): Promise<AppState> {
    const [gone, account] = await Promise.all([
      this.#vault.get<{ reason: string }>(META, "signed_out"),
      this.services.load(),
      Promise.all([this.#refusals.load(), this.#autoLock.load()]),
    ]);
    if (gone !== null) return this.#enter("signed_out", gone.reason);
    if (account === null) return this.#enter("register");
    if (await this.#refusals.isAway()) return this.#snapshot();
    await this.#startDevice();
    return this.#enterAccount();
  }

  /** The phase that the account is in: conduct first, then everything. */
  async #enterAccount(): Promise<AppState> {
    if (!hasAccepted(this.#account.record?.me ?? null)) {
      this.#device?.socket.stop();
      return this.#enter("conduct");
    }
    this.#touch();
    await this.#enter("ready");
    // Afterwards: what the connection tells from now on names the phase too.
    this.#device?.socket.start();
    return this.#snapshot();
  }

  async #startDevice(): Promise<void> {
    const { origin, WebSocket, random } = this.#options;
    const device = new Device({
      context: { ...this.context, ...this.services.forDevice() },
      people: this.people,
      oneself: this.oneself,
      guard: this.services.guard,
      socket: {
        url: `${origin.replace(/^http/, "ws")}/v1/socket`,
        WebSocket,
        random,
        token: () => this.#account.freshToken(),
        onState: (connection) => {
          this.#connection = connection;
          void this.#changed();
        },
        onRefused: () => void this.#refused(),
        onOutdated: () => {
          this.#updateRequired = true;
          void this.#changed();
        },
      },
      onReady: async (ready, caughtUp) => {
        this.#skewMs = Math.round(this.#options.now() - ready.serverTimeMs);
        void this.#changed();
        await Promise.all([
          this.services.onReady(ready, caughtUp),
          this.people.refreshDirectory(ready.directoryVersion),
        ]);
        void this.#changed();
        void this.reporting.wake(false).catch(() => undefined);
      },
      onAccount: (event) => {
        if (event === "signed_out") return void this.#refused();
        void this.#onAccount(event, device.context.signal).catch(() => undefined);
      },
      onCatchingUp: (catchingUp) => {
        this.#catchingUp = catchingUp;
        void this.#changed();
      },
      onChange: () => void this.#changed(),
      indexes: this.#options.indexes === true,
      closed: this.services,
      mayNotify: (conversation, called) =>
        mayNotify(conversation, called, this.#visible, this.#options.now()),
    });
    await device.open();
    this.#device = device;
  }

  async #onAccount(event: AccountFrame["event"], signal: AbortSignal): Promise<void> {
    if (!(await inTurn(event, this.#options.random, signal))) return;
    // The person must accept the code of conduct again. Fetch the account, which says so.
    if (event === "conduct") return this.#refused();
    if (event === "reports") return this.reporting.wake(true);
    if (event === "directory") await this.people.refreshDirectory(null);
    await this.services.onAccountEvent(event);
    await this.#changed();
  }

  #stopDevice(): void {
    this.#device?.stop();
    this.#device = null;
    this.#connection = "offline";
    this.#catchingUp = false;
    this.people.reset();
    this.#autoLock.stop();
  }

  /** Stop everything without wiping: the process ends. */
  readonly close = async (): Promise<void> => {
    await this.#starting?.catch(() => undefined);
    this.#refusals.reset();
    this.#stopDevice();
    this.#vault.close();
  };

  async #running(): Promise<Device> {
    const device = await this.#keeping();
    if (this.#phase === "conduct")
      throw failure("not_registered", { details: { phase: "conduct" } });
    return device;
  }

  /** The device also while the code of conduct is owed: drafts are kept. */
  async #keeping(): Promise<Device> {
    await this.state();
    this.#touch();
    if (this.#phase === "locked") throw failure("locked");
    if (this.#device === null) throw failure("not_registered");
    return this.#device;
  }

  /** Which conversation is on screen, so that it does not notify; null for none. */
  async setVisible(conversationId: ConversationId | null): Promise<void> {
    await this.start();
    this.#visible = conversationId;
    if (conversationId !== null) this.#device?.shown(conversationId);
  }

  /** The network has gone: give a connection up that looks open. Or it is back: try again at once. */
  networkChanged(there: boolean): void {
    if (!there) return this.#device?.socket.drop();
    if (this.#refusals.away) void this.#refusals.ask();
    this.#device?.socket.nudge();
  }

  // --- Registration ----------------------------------------------------------------------------

  /** Make the device key, get the certificate. `phase` becomes "conduct" or "ready". */
  async register(ticket: string, label: string): Promise<AppState> {
    await this.state();
    if (this.#account.record === null) {
      await this.services.register(ticket, label.slice(0, 64));
      await this.#startDevice();
    }
    await this.#account.refreshMe();
    // Others seal to this device from now on; if it fails, the next connection tries again.
    await this.services.equip().catch(() => undefined);
    return this.#enterAccount();
  }

  async acceptConduct(version: number, language: Language): Promise<AppState> {
    await this.state();
    this.#account.require();
    await this.#account.storeMe(await this.api.acceptConduct({ version, language }));
    return this.#enterAccount();
  }

  // --- App lock, sign-out ----------------------------------------------------------------------

  /** A PIN, or a passphrase in its place. */
  async setPin(pin: string | null, currentPin: string | null): Promise<AppState> {
    await this.state();
    await this.#byPin(this.#vault.setPin(pin, currentPin));
    this.#touch();
    return this.#changed();
  }

  /** Answer a "presence" event; null: the person does not do the act. Rejects with `pin_wrong`. */
  async givePresence(number: number, given: PresenceGiven | null): Promise<void> {
    await this.state().then(() => this.#byPin(this.services.presences.give(number, given)));
  }

  async setAutoLock(ms: number): Promise<AppState> {
    await this.state();
    await this.#autoLock.set(ms);
    this.#touch();
    return this.#changed();
  }

  async unlock(pin: string): Promise<AppState> {
    await this.state();
    if (this.#phase !== "locked") return this.#snapshot();
    await this.#byPin(this.#vault.unlock(pin));
    return this.#openAccount();
  }

  /** The last wrong PIN has wiped everything: say so instead of merely failing. */
  async #byPin(checked: Promise<void>): Promise<void> {
    try {
      await checked;
    } catch (error) {
      const last = hasCode(error, "pin_wrong") && error.details["triesLeft"] === 0;
      await (last ? this.#wipe("pin_tries") : this.#changed());
      throw error;
    }
  }

  async lock(): Promise<AppState> {
    await this.state();
    if (!this.#vault.hasPin || this.#phase !== "ready") return this.#snapshot();
    this.#stopDevice();
    this.services.reset();
    // The keys are gone and the screen closes at once, even if the storage refuses to note it.
    const noted = this.#vault.lock().catch(() => undefined);
    return this.#enter("locked").finally(() => noted);
  }

  /** Any call counts as being in use. */
  #touch(): void {
    this.#autoLock.restart(this.#phase === "locked");
  }

  /** Revoke this device at the server if it can be reached, and wipe everything here. */
  async signOut(): Promise<AppState> {
    await this.state();
    return this.#refusals.silently(async () => {
      if (this.#account.record !== null) await this.#account.signOut().catch(() => undefined);
      return this.#wipe("signed_out");
    });
  }

  /** After "signed_out": forget it and return to "register". */
  async startOver(): Promise<AppState> {
    await this.state();
    if (this.#phase !== "signed_out") return this.#snapshot();
    if (this.#refusals.away) await this.#wipe("signed_out");
    await this.#vault.write([deleteMeta("signed_out")]);
    return this.#enter("register");
  }

  /** The server refuses this device, or asks for the code of conduct. */
  async #refused(code = ""): Promise<void> {
    if (code === "conduct_not_accepted" && this.#phase !== "ready") return; // No news.
    await this.#refusals.ask();
  }

  /** It does know us: only the connection was refused, there is a new code of conduct, or a lock ended. */
  async #taken(): Promise<void> {
    if (this.#device === null) await this.#startDevice();
    await this.#enterAccount();
  }

  async #wipe(reason: SignedOutReason): Promise<AppState> {
    this.#stopDevice();
    this.services.reset();
    this.#refusals.reset();
    await this.#vault.wipe();
    await this.#vault.open();
    await this.#vault.write([putMeta("signed_out", { reason })]);
    this.#autoLock.reset();
    return this.#enter("signed_out", reason);
  }
}
