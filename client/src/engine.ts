/**
 * The core: the seam of core.ts over everything else. It holds the life cycle (vault, account,
 * lock, sign-out) and hands what concerns conversations to {@link Device}.
 *
 * Invariants: nothing of the device runs while the vault is locked; signing out always wipes here,
 * whether or not the server can be reached; every rejection is a CoreFailure.
 */
import { Account } from "./account.ts";
import type { Conversation } from "./conversation.ts";
import type {
  AppState,
  ConnectedCore,
  Core,
  CoreEvent,
  CoreListener,
  SignedOutReason,
} from "./core.ts";
import type { Context } from "./context.ts";
import { PeopleCalls } from "./people_calls.ts";
import { Device } from "./device.ts";
import { asFailure, failure, hasCode } from "./failure.ts";
import { topUpKeyPackages } from "./key_packages.ts";
import { People } from "./people.ts";
import { STORES } from "./records.ts";
import type { SettingsRecord } from "./records.ts";
import { Api } from "./transport/api.ts";
import { Http } from "./transport/http.ts";
import type { Fetch } from "./transport/http.ts";
import type { WebSocketMaker } from "./transport/socket.ts";
import { Vault } from "./vault/vault.ts";
import type { HandedKeys } from "./vault/vault.ts";
import type { ClientInfo, Language } from "./wire.ts";

export const DEFAULT_AUTO_LOCK_MS = 5 * 60_000;
const MUTED_ALWAYS = -1;

export interface EngineOptions {
  readonly origin: string;
  readonly vaultName: string;
  readonly fetch: Fetch;
  readonly WebSocket: WebSocketMaker;
  readonly now: () => number;
  readonly random: () => number;
  /** The keys of an unlock that lasts, from the tab that led before. */
  readonly keys: HandedKeys | null;
}

type Connection = AppState["connection"];

export class Engine extends PeopleCalls implements ConnectedCore {
  readonly #options: EngineOptions;
  readonly #vault: Vault;
  protected readonly api: Api;
  readonly #context: Context;
  readonly #account: Account;
  readonly #people: People;
  readonly #listeners = new Set<CoreListener>();
  #device: Device | null = null;
  #starting: Promise<AppState> | null = null;
  #phase: AppState["phase"] = "register";
  #entered = false;
  #reason: string | null = null;
  #connection: Connection = "offline";
  #catchingUp = false;
  #updateRequired = false;
  #skewMs = 0;
  #settings: SettingsRecord = { autoLockMs: DEFAULT_AUTO_LOCK_MS };
  #visible: string | null = null;
  #lockTimer: ReturnType<typeof setTimeout> | null = null;
  #refusing = false;
  #toldSession: string | null | undefined = undefined;
  onKeys: (keys: HandedKeys | null) => void = () => undefined;

  constructor(options: EngineOptions) {
    super();
    this.#options = options;
    this.#vault = new Vault({ name: options.vaultName, now: options.now });
    this.#vault.onClosed = () => {
      this.#stopDevice();
      this.#enter("storage_failed");
    };
    const http = new Http({
      server: options.origin,
      fetch: options.fetch,
      random: options.random,
      token: () => this.#account.record?.accessToken ?? null,
      onRefused: () => void this.#refused(),
    });
    this.api = new Api(http);
    this.#context = {
      vault: this.#vault,
      api: this.api,
      now: options.now,
      random: options.random,
      emit: (event) => {
        this.#emit(event);
      },
    };
    this.#account = new Account(this.#context, () => options.now() - this.#skewMs);
    this.#people = new People(this.#context);
  }

  // --- Events and state ------------------------------------------------------------------------

  subscribe(listener: CoreListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #emit(event: CoreEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #snapshot(): AppState {
    const me = this.#account.record?.me ?? null;
    return {
      phase: this.#phase,
      reason: this.#reason,
      me: me?.person ?? null,
      clientId: this.#account.record?.clientId ?? null,
      unitAdmin: me?.unitAdmin ?? false,
      lock: {
        enabled: this.#vault.hasPin,
        autoLockMs: this.#settings.autoLockMs,
        triesLeft: this.#vault.triesLeft,
      },
      connection: this.#connection,
      outbox: this.#device?.outgoing.waiting ?? 0,
      catchingUp: this.#catchingUp,
      updateRequired: this.#updateRequired,
      clockSkewMs: this.#skewMs,
    };
  }

  #changed(): AppState {
    this.#tellKeys();
    const state = this.#snapshot();
    // Until it is known where the device stands, tabs show what the core before this one said.
    if (this.#entered) this.#emit({ type: "app", state });
    return state;
  }

  #tellKeys(): void {
    const keys = this.#vault.handedKeys;
    const session = keys?.session ?? null;
    if (session === this.#toldSession) return;
    this.#toldSession = session;
    this.onKeys(keys);
  }

  #enter(phase: AppState["phase"], reason: string | null = null): AppState {
    this.#entered = true;
    this.#phase = phase;
    this.#reason = reason;
    return this.#changed();
  }

  // --- Starting --------------------------------------------------------------------------------

  start(): Promise<AppState> {
    this.#starting ??= this.#start();
    return this.#starting.then(() => this.#snapshot());
  }

  async #start(): Promise<AppState> {
    try {
      const state = await this.#vault.open(this.#options.keys);
      if (state === "locked") return this.#enter("locked");
      return await this.#openAccount();
    } catch (error) {
      if (hasCode(error, "trust_invalid")) throw error;
      this.#starting = null;
      return this.#enter("storage_failed", asFailure(error).code);
    }
  }

  async state(): Promise<AppState> {
    await this.start();
    return this.#snapshot();
  }

  async #openAccount(): Promise<AppState> {
    const gone = await this.#vault.get<{ reason: string }>(STORES.meta, "signed_out");
    if (gone !== null) return this.#enter("signed_out", gone.reason);
    this.#settings = (await this.#vault.get(STORES.meta, "settings")) ?? this.#settings;
    const account = await this.#account.load();
    if (account === null) return this.#enter("register");
    await this.#startDevice();
    return this.#enterAccount();
  }

  /** The phase that the account is in: conduct first, then everything. */
  #enterAccount(): AppState {
    const me = this.#account.record?.me ?? null;
    const accepted = me !== null && me.conductVersion === me.conductCurrent;
    if (!accepted) return this.#enter("conduct");
    this.#touch();
    this.#enter("ready");
    // Afterwards: what the connection tells from now on names the phase too.
    this.#device?.socket.start();
    return this.#snapshot();
  }

  async #startDevice(): Promise<void> {
    const { origin, WebSocket, random } = this.#options;
    const url = `${origin.replace(/^http/, "ws")}/v1/socket`;
    const device = new Device({
      context: this.#context,
      account: this.#account,
      people: this.#people,
      serverNow: () => this.#options.now() - this.#skewMs,
      socket: {
        url,
        WebSocket,
        random,
        token: () => this.#account.record?.accessToken ?? null,
        onState: (connection) => {
          if (this.#connection === connection) return;
          this.#connection = connection;
          this.#changed();
        },
        onRefused: () => void this.#refused(),
        onOutdated: () => {
          this.#updateRequired = true;
          this.#changed();
        },
      },
      onReady: (ready) => {
        this.#skewMs = Math.round(this.#options.now() - ready.serverTimeMs);
        this.#changed();
      },
      onAccountEvent: (event) => {
        if (event === "signed_out") void this.#refused();
        else this.#emit({ type: event });
      },
      onOutbox: () => void this.#changed(),
      onCatchingUp: (catchingUp) => {
        this.#catchingUp = catchingUp;
        this.#changed();
      },
      mayNotify: (conversation, mentioned) => this.#mayNotify(conversation, mentioned),
    });
    await device.open();
    this.#device = device;
  }

  #stopDevice(): void {
    this.#device?.stop();
    this.#device = null;
    this.#connection = "offline";
    this.#catchingUp = false;
    this.#people.reset();
    if (this.#lockTimer !== null) clearTimeout(this.#lockTimer);
  }

  /** Stop everything without wiping: the process ends. */
  async close(): Promise<void> {
    await this.#starting?.catch(() => undefined);
    this.#stopDevice();
    this.#vault.close();
  }

  protected async device(): Promise<Device> {
    await this.start();
    this.#touch();
    if (this.#phase === "locked") throw failure("locked");
    if (this.#phase === "conduct")
      throw failure("not_registered", { details: { phase: "conduct" } });
    if (this.#device === null) throw failure("not_registered");
    return this.#device;
  }

  protected async peopleCache(): Promise<People> {
    await this.device();
    return this.#people;
  }

  #mayNotify({ id, record }: Conversation, mentioned: boolean): boolean {
    const { mutedUntilMs } = record.preferences;
    if (id === this.#visible) return false;
    // Who is named is called, also where everything else is muted.
    if (mentioned || mutedUntilMs === null) return true;
    return mutedUntilMs !== MUTED_ALWAYS && mutedUntilMs <= this.#options.now();
  }

  // --- Registration ----------------------------------------------------------------------------

  async registerClient(ticket: string, label: string): Promise<AppState> {
    await this.start();
    if (this.#account.record === null) {
      await this.#account.register(ticket, label.slice(0, 64));
      await this.#startDevice();
    }
    await this.#account.refreshMe();
    const device = this.#device;
    // Others can let this device in from now on; if it fails, the next connection tries again.
    if (device !== null) await topUpKeyPackages(device.context).catch(() => undefined);
    return this.#enterAccount();
  }

  async conductCode(language: Language): ReturnType<Core["conductCode"]> {
    await this.start();
    return this.api.conduct(language);
  }

  async acceptConduct(version: string, language: Language): Promise<AppState> {
    await this.start();
    this.#account.require();
    await this.#account.storeMe(await this.api.acceptConduct({ version, language }));
    return this.#enterAccount();
  }

  // --- App lock, sign-out ----------------------------------------------------------------------

  async setPin(pin: string | null, currentPin: string | null): Promise<AppState> {
    await this.start();
    try {
      await this.#vault.setPin(pin, currentPin);
    } catch (error) {
      return this.#afterWrongPin(error);
    }
    this.#touch();
    return this.#changed();
  }

  async setAutoLock(ms: number): Promise<AppState> {
    await this.start();
    this.#settings = { autoLockMs: Math.max(0, Math.round(ms)) };
    const value = this.#settings;
    await this.#vault.write([{ op: "put", store: STORES.meta, key: "settings", value }]);
    this.#touch();
    return this.#changed();
  }

  async unlock(pin: string): Promise<AppState> {
    await this.start();
    if (this.#phase !== "locked") return this.#snapshot();
    try {
      await this.#vault.unlock(pin);
    } catch (error) {
      return this.#afterWrongPin(error);
    }
    return this.#openAccount();
  }

  /** The last wrong PIN has wiped everything: say so instead of merely failing. */
  async #afterWrongPin(error: unknown): Promise<never> {
    if (hasCode(error, "pin_wrong") && error.details["triesLeft"] === 0) {
      await this.#signedOut("pin_tries");
    } else {
      this.#changed();
    }
    throw error;
  }

  async lock(): Promise<AppState> {
    await this.start();
    if (!this.#vault.hasPin || this.#phase !== "ready") return this.#snapshot();
    this.#stopDevice();
    this.#account.forget();
    // The keys are gone from here even if the storage refuses to note the end of the session.
    await this.#vault.lock().catch(() => undefined);
    return this.#enter("locked");
  }

  /** Any call counts as being in use. */
  #touch(): void {
    if (this.#lockTimer !== null) clearTimeout(this.#lockTimer);
    this.#lockTimer = null;
    if (!this.#vault.hasPin || this.#settings.autoLockMs === 0 || this.#phase === "locked") return;
    this.#lockTimer = setTimeout(() => void this.lock(), this.#settings.autoLockMs);
    // A timer of Node would keep the process alive.
    (this.#lockTimer as { unref?: () => void }).unref?.();
  }

  async signOut(): Promise<AppState> {
    await this.start();
    // The server tells this device too that it is signed out: that must not become the reason.
    this.#refusing = true;
    try {
      if (this.#account.record !== null) await this.api.signOut().catch(() => undefined);
      return await this.#signedOut("signed_out");
    } finally {
      this.#refusing = false;
    }
  }

  async startOver(): Promise<AppState> {
    await this.start();
    if (this.#phase !== "signed_out") return this.#snapshot();
    await this.#vault.write([{ op: "delete", store: STORES.meta, key: "signed_out" }]);
    return this.#enter("register");
  }

  /** The server refuses this device. It is asked once more before everything is wiped. */
  async #refused(): Promise<void> {
    if (this.#refusing || this.#account.record === null) return;
    this.#refusing = true;
    try {
      await this.#account.refreshMe();
      // It does know us: only the connection was refused, or there is a new code of conduct.
      this.#enterAccount();
    } catch (error) {
      const reason = endOf(error);
      if (reason !== null) await this.#signedOut(reason);
      else if (!hasCode(error, "locked")) setTimeout(() => this.#device?.socket.start(), 5_000);
    } finally {
      this.#refusing = false;
    }
  }

  async #signedOut(reason: SignedOutReason): Promise<AppState> {
    this.#stopDevice();
    this.#account.forget();
    await this.#vault.wipe();
    await this.#vault.open();
    const value = { reason };
    await this.#vault.write([{ op: "put", store: STORES.meta, key: "signed_out", value }]);
    this.#settings = { autoLockMs: DEFAULT_AUTO_LOCK_MS };
    return this.#enter("signed_out", reason);
  }

  async clients(): Promise<readonly ClientInfo[]> {
    await this.device();
    return (await this.#account.refreshMe()).clients;
  }

  async revokeClient(clientId: string): Promise<readonly ClientInfo[]> {
    await this.device();
    const me = await this.api.revokeClient(clientId);
    await this.#account.storeMe(me);
    this.#emit({ type: "clients" });
    return me.clients;
  }

  async networkChanged(there: boolean): Promise<void> {
    if (there) this.#device?.socket.nudge();
    else this.#device?.socket.drop();
  }

  async setVisible(conversationId: string | null): Promise<void> {
    await this.start();
    this.#visible = conversationId;
  }
}

const END_REASONS: readonly string[] = [
  "suspended",
  "removed",
  "device_removed",
  "signed_out",
] satisfies SignedOutReason[];

/** Why the server does not take this device any more; null when the failure does not say that. */
function endOf(error: unknown): SignedOutReason | null {
  if (hasCode(error, "suspended")) return "suspended";
  if (hasCode(error, "unauthenticated")) return "unknown";
  if (!hasCode(error, "signed_out")) return null;
  const reason = error.details["reason"];
  return (
    (END_REASONS.find((known) => known === reason) as SignedOutReason | undefined) ?? "unknown"
  );
}
