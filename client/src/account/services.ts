/**
 * Everything about this device's account and whom it trusts, wired together: made once for an open
 * vault, loaded after each unlock, reset at each lock.
 *
 * {@link AccountServices.onReady} looks after all of it when a connection is up, in an order that
 * matters: the department's records first, because everything is judged by them; then time, by which
 * own keys are dated; then the account and this person's own records. A step that fails leaves the
 * others alone and is tried again with the next connection.
 */
import { version as APP_VERSION } from "../../package.json";
import type { Context } from "../context.ts";
import { CoreFailure } from "../failure.ts";
import { Guard } from "../guard/guard.ts";
import type { PersonId } from "../ids.ts";
import { followHpke, isHpkeMissing } from "../hpke/loading.ts";
import { fromHex } from "../octets.ts";
import { letsSend, type Department } from "../keys/trust/department.ts";
import { OwnSanctions } from "./own-sanctions.ts";
import { Training } from "../training/training.ts";
import { AuditHead } from "../trust/audit-head.ts";
import { PeopleTrust } from "../trust/people-trust.ts";
import type { Verdict } from "../trust/ports.ts";
import { TrustedTime } from "../trust/trusted-time.ts";
import type { AccountFrame, Confirmer, Me, PersonTrust, Ready } from "../wire.ts";
import { Account } from "./account.ts";
import { Acts } from "./acts.ts";
import { Alarms } from "./alarms.ts";
import { Conduct, hasAccepted } from "./conduct.ts";
import { DeviceConfirmations } from "./confirmations.ts";
import { Endorsing } from "./endorsing.ts";
import { Granting } from "./granting.ts";
import { OwnKeys } from "./own-keys.ts";
import { PresenceRequests } from "./presence.ts";
import type { AccountRecord } from "./record.ts";
import { Revoking } from "./revoking.ts";

/** Another version of the department's trust is asked for at most so often. */
const ASK_TRUST_MS = 5_000;
/** Whatever version the server has. */
const ANY_VERSION = -1;

export interface AccountServicesOptions {
  readonly context: Context;
  /** Never set back; may stop while the device sleeps (T1). */
  readonly monotonic: () => number;
  /** The server's clock by this device's reckoning, before the department's time is known. */
  readonly serverNow: () => number;
  /** Another person vouches for this device now, or the account is another. */
  readonly onStanding: () => void;
  /** Other conversations are closed to this person now. */
  readonly onClosed: () => void;
}

/** Whether this device is confirmed, by its own judgement. */
export interface OwnTrust {
  readonly verdict: Verdict | null;
  /** People whose signed grants let them confirm it, nearest first; empty once somebody did. */
  readonly confirmers: readonly Confirmer[];
  readonly sinceMs: number | null;
}

export class AccountServices {
  readonly account: Account;
  readonly time: TrustedTime;
  readonly auditHead: AuditHead;
  readonly trust: PeopleTrust;
  readonly ownKeys: OwnKeys;
  readonly endorsing: Endorsing;
  readonly presences: PresenceRequests;
  readonly acts: Acts;
  readonly granting: Granting;
  readonly revoking: Revoking;
  readonly confirmations: DeviceConfirmations;
  readonly alarms: Alarms;
  readonly guard: Guard;
  readonly training: Training;
  readonly sanctions: OwnSanctions;
  readonly conduct: Conduct;
  readonly #options: AccountServicesOptions;
  #standing: OwnTrust = { verdict: null, confirmers: [], sinceMs: null };
  #askedTrustMs = -Infinity;
  #timeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: AccountServicesOptions) {
    this.#options = options;
    const { context, monotonic, serverNow } = options;
    const { api, vault, now } = context;
    const account = new Account(context, serverNow);
    this.account = account;
    const department = () => account.trust;
    const identity = () => account.identity;
    const onWaiting = (): void => {
      this.#askTimeAgain();
      options.onStanding();
    };
    followHpke(options.onStanding);
    const time = new TrustedTime({
      ...{ api, vault, now, monotonic, onWaiting },
      department: () => account.trust.department,
      onLog: (head) => void this.auditHead.takeHead(head).catch(ignore),
      onBack: (byMs) => this.trust.timeWentBack(byMs),
    });
    this.time = time;
    this.auditHead = new AuditHead({
      ...{ api, vault },
      incarnation: () => account.trust.incarnation?.number ?? 0,
      learn: () => this.#refreshTrust(ANY_VERSION),
      onBroken: ({ root }) => this.alarms.raiseLog(root),
    });
    const trust = new PeopleTrust({
      ...{ api, vault, time, now, department },
      refreshDepartment: () => this.#refreshDepartment(),
    });
    this.trust = trust;
    this.ownKeys = new OwnKeys({
      ...{ api, vault, time, identity },
      department: () => account.trust.department,
    });
    this.endorsing = new Endorsing({
      ...{ api, trust, time, identity },
      revokeFormer: (...former) => this.revoking.former(...former),
    });
    this.presences = new PresenceRequests({ context, vault, time, identity });
    this.acts = new Acts({ api, vault, time, identity, presences: this.presences });
    const { acts } = this;
    this.granting = new Granting({ acts, trust, time, identity });
    this.revoking = new Revoking({ acts, api, trust, time, identity });
    this.confirmations = new DeviceConfirmations({
      ...{ api, vault, time, identity, endorsing: this.endorsing, now: context.now },
      rootKey: () => account.trust.rootKey,
      isConfirmed: async () => (await this.#judgeOwn()).confirmed !== "no",
      onChange: () => context.emit({ type: "confirmation" }),
    });
    this.alarms = new Alarms({
      ...{ vault, trust, identity, now: () => this.now() },
      hasMade: (key) => this.ownKeys.hasMade(key),
      onAlarm: () => context.emit({ type: "alarm" }),
    });
    this.guard = new Guard({ context, trust, rank: () => account.record?.me?.person.rank ?? null });
    this.training = new Training({ context, onClosed: options.onClosed });
    this.sanctions = new OwnSanctions({
      ...{ context, now: () => this.now(), onClosed: options.onClosed },
      largeFrom: async () => (await this.guard.forwarding()).largeFrom,
    });
    this.conduct = new Conduct({ context, me: () => account.record?.me ?? null });
    trust.onRefusedCards((refused) => void this.alarms.raiseRefusedCard(refused).catch(ignore));
    trust.onChanged((people) => {
      const own = account.record?.personId;
      if (own === undefined || !people.includes(own)) return;
      void this.#ownChanged().catch(ignore);
    });
  }

  /** Read the account and its stores from the open vault; nothing of the network is needed. */
  async load(): Promise<AccountRecord | null> {
    const record = await this.account.load();
    if (record === null) return null;
    await this.trust.load();
    await Promise.all([this.#begin(), this.#judgeStanding()]);
    // A start does not wait for the look for alarms, which reads most.
    void this.alarms.check().catch(ignore);
    return record;
  }

  async register(ticket: string, label: string): Promise<AccountRecord> {
    const record = await this.account.register(ticket, label);
    await this.trust.load();
    await this.#begin();
    return record;
  }

  /** The vault is locked or wiped: nothing of it stays in memory. */
  reset(): void {
    this.account.forget();
    this.presences.reset();
    this.confirmations.reset();
    this.trust.reset();
    this.time.reset();
    clearTimeout(this.#timeTimer);
    this.ownKeys.reset();
    this.guard.reset();
    this.training.reset();
    this.sanctions.reset();
    this.#standing = { verdict: null, confirmers: [], sinceMs: null };
  }

  /** Groups of at least so many members are closed before the officer course. */
  trainingFrom = (): number | null => this.training.closedFrom;

  barred: OwnSanctions["barred"] = (place) => this.sanctions.barred(place);

  get standing(): OwnTrust {
    return this.#standing;
  }

  /**
   * A new device's first keys and time, so that others seal to it from now on, and its person's
   * records once the server tells them: after the code of conduct. The first connection does what fails.
   */
  async equip(): Promise<void> {
    const { personId, me } = this.account.require();
    const keys = this.ownKeys.maintain();
    const records = hasAccepted(me) ? this.trust.ensure([personId], { keys: true }) : keys;
    await Promise.allSettled([keys, records]);
    if (hasAccepted(me)) await this.#ownChanged();
  }

  /**
   * Rejects with the first failure, after every step was tried. `caughtUp`: until then messages have
   * the network.
   */
  async onReady(ready: Ready, caughtUp: Promise<void>): Promise<void> {
    const due = await this.account.due(ready);
    await inOrder([
      () => this.#refreshTrust(ready.trustVersion),
      async () => {
        if (due === "again") this.ownKeys.publishAgain();
        await this.ownKeys.maintain();
      },
      () => this.confirmations.follow(),
      async () => {
        if (due === null) return;
        const { me } = this.account.require();
        // Registering and accepting the code of conduct answered with the account.
        await this.#lookAfter(due === "first" && me?.version === ready.meVersion ? me : null);
        await this.account.lookedAfter(ready);
      },
      () => this.training.onReady().catch(ignore),
      () => this.sanctions.onReady(ready).catch(ignore),
      () => caughtUp.catch(ignore),
      // Weights that do not come or are not right leave the former ones in force.
      () => this.guard.refresh(ready.guardPolicy, ready.guardPictures).catch(ignore),
    ]);
  }

  /** The socket's events about the account. The caller handles "signed_out", "conduct", "directory". */
  async onAccountEvent(event: AccountFrame["event"]): Promise<void> {
    switch (event) {
      case "clients":
        await this.#lookAfter();
        // Another device may have finished the course.
        await this.training.ask().catch(ignore);
        this.#options.context.emit({ type: "clients" });
        return;
      case "trust":
        await this.#refreshTrust(ANY_VERSION);
        // The department may have its first admin since: a device that waits asks whom it waits for.
        if (this.#standing.verdict?.confirmed === "no") await this.#lookAfter();
        return;
      case "unconfirmed":
        this.#options.context.emit({ type: "unconfirmed" });
        return;
      case "acts":
      case "joining":
        this.#options.context.emit({ type: event });
        return;
      case "confirmation":
        await this.confirmations.follow();
        return;
      case "guard":
        await this.guard.refresh(Infinity).catch(ignore);
        return;
      case "directory":
      case "conduct":
      case "signed_out":
        return;
    }
  }

  /**
   * E6: what a refusal by the server asks of this device. "wipe" only where it brings a revocation
   * of this device that counts and is by an admin, or by the own device that endorsed this one.
   * Everything else, whatever the server says, locks and keeps.
   */
  async endOf(error: unknown): Promise<"lock" | "wipe"> {
    const bytes = error instanceof CoreFailure ? error.details["revocation"] : undefined;
    if (typeof bytes !== "string") return "lock";
    const { personId, device } = this.account.identity;
    try {
      const bundle: PersonTrust = { ...nothingAbout(personId), revocations: [fromHex(bytes)] };
      await this.trust.learn([bundle]);
      await this.trust.devicesOf(personId);
      return this.trust.judge.reaction(device) === "wipe" ? "wipe" : "lock";
    } catch {
      // No hex, no record, or the vault closed meanwhile: nothing was proven.
      return "lock";
    }
  }

  async #begin(): Promise<void> {
    const { training, sanctions, confirmations } = this;
    await Promise.all([training.load(), sanctions.load(), confirmations.load()]);
  }

  /** The parts of the context of a registered device that are looked after here. */
  forDevice() {
    const { account, ownKeys, time, trust } = this;
    return {
      ...{ ownKeys, time, trust, identity: () => account.identity },
      incarnation: () => account.trust.incarnation?.number ?? 0,
      learnIncarnation: (version: number | null) => this.#refreshTrust(version ?? ANY_VERSION),
    };
  }

  /** T1: the second of two answers, when it is due. Without a network the next connection asks. */
  #askTimeAgain(): void {
    clearTimeout(this.#timeTimer);
    const { waiting } = this.time;
    if (waiting === null) return;
    const ask = (): void => void this.time.anchor().catch(ignore);
    this.#timeTimer = setTimeout(ask, waiting.untilMs - this.#options.context.now());
  }

  /** Whether this version of the app has all of its code, and the department lets it send. */
  get versionMaySend(): boolean {
    if (isHpkeMissing()) return false;
    return this.account.record === null || letsSend(this.account.trust.department, APP_VERSION);
  }

  async #refreshTrust(version: number): Promise<void> {
    const { record } = this.account;
    const former = record === null ? null : this.account.trust.department;
    if (await this.account.refreshTrust(version)) await this.#departmentChanged(former);
  }

  async #departmentChanged(former: Department | null): Promise<void> {
    await this.trust.departmentChanged();
    if (former?.authorityNumber === this.account.trust.department.authorityNumber) return;
    // Another roster authority signed everything again.
    this.guard.reset();
    await this.guard.refresh().catch(ignore);
    await this.trust.ensure([this.account.require().personId]);
  }

  /**
   * The account, its certificate, this person's own records, and the records of people who can
   * confirm it. `known`: the account in its present version; null: it is fetched.
   */
  async #lookAfter(known: Me | null = null): Promise<void> {
    const me = known ?? (await this.account.refreshMe());
    await this.account.renew();
    const people = [me.person.personId, ...me.confirmers.map(({ personId }) => personId)];
    await this.trust.ensure(people, { fresh: true, keys: true });
    await this.#ownChanged();
  }

  async #ownChanged(): Promise<void> {
    await this.#judgeStanding();
    await this.alarms.check();
  }

  async #judgeStanding(): Promise<void> {
    const { me, registeredMs } = this.account.require();
    const verdict = await this.#judgeOwn();
    const named = verdict.confirmed === "no" ? (me?.confirmers ?? []) : [];
    const able = await Promise.all(named.map(({ personId }) => this.#mayConfirm(personId)));
    const confirmers = named.filter((_, index) => able[index]);
    this.#standing = { verdict, confirmers, sinceMs: registeredMs };
    this.#options.onStanding();
  }

  /** E0: whom the server names is not sent to in vain. */
  async #mayConfirm(personId: PersonId): Promise<boolean> {
    const own = this.account.identity;
    const devices = (await this.trust.devicesOf(personId)).filter((one) => one !== own.device);
    for (const device of devices) {
      const { confirmed } = await this.trust.verdict(personId, device, this.now());
      if (confirmed === "no") continue;
      if (personId === own.personId) return true;
      if (this.trust.judge.mayAdminister(device, own.personId, this.now())) return true;
    }
    return false;
  }

  #judgeOwn(): Promise<Verdict> {
    const { personId, device } = this.account.identity;
    return this.trust.verdict(personId, device, this.now());
  }

  /** The department's time; before it is known, the server's by this device's reckoning. */
  now(): number {
    return this.time.now() ?? Math.round(this.#options.serverNow());
  }

  /** A certificate of an issuing CA that is not known yet may come before the word about it. */
  async #refreshDepartment(): Promise<boolean> {
    const now = this.#options.context.now();
    if (Math.abs(now - this.#askedTrustMs) < ASK_TRUST_MS) return false;
    this.#askedTrustMs = now;
    const former = this.account.trust.department;
    const isNewer = await this.account.refreshTrust(ANY_VERSION);
    // Not awaited: the answer that asks holds the queue of answers.
    if (isNewer) void this.#departmentChanged(former).catch(ignore);
    return isNewer;
  }
}

function nothingAbout(personId: PersonId): PersonTrust {
  return {
    ...{ personId, devices: [], certificates: [], cards: [] },
    ...{ endorsements: [], grants: [], revocations: [], keys: [] },
  };
}

/** One failing step does not keep those after it from being tried. */
async function inOrder(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** Background work that is done again with the next change. */
function ignore(): void {
  // Nothing to do.
}
