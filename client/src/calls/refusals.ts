/**
 * E6: what this device does when the server refuses it. It is asked once more before anything is
 * concluded. A revocation that others signed wipes; anything else locks and keeps everything.
 *
 * Invariant: a device that was turned away stays locked over restarts, also without a network, until
 * the server takes it again: the mark is written before the screen says so, and nothing of the device
 * starts while it is there. Meanwhile the server is asked at every start, and every half minute.
 */
import type { AccountServices } from "../account/services.ts";
import type { LostLock, Plate, SignedOutReason } from "../seam.ts";
import { hasCode } from "../failure.ts";
import type { PersonId } from "../ids.ts";
import { META, deleteMeta, putMeta } from "../vault/changes.ts";
import type { Vault } from "../vault/vault.ts";
import { endOf, lockOf, type AwayRecord } from "./sign-out-reason.ts";

const ROW = "turned_away";
const ASK_MS = 30_000;
/** A start waits for the server's answer at most so long. */
const START_MS = 3_000;

export interface RefusalsOptions {
  readonly vault: Vault;
  readonly services: Pick<AccountServices, "account" | "endOf">;
  readonly plate: (personId: PersonId) => Promise<Plate | null>;
  /** The server takes this device. */
  readonly onTaken: () => Promise<unknown>;
  /** The server refuses this device, which keeps its data. */
  readonly onAway: (reason: SignedOutReason) => Promise<unknown>;
  readonly onWipe: (reason: SignedOutReason) => Promise<unknown>;
  /** The server gave no answer that settles it: refused requests are retried. */
  readonly onUnclear: () => void;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  #away: AwayRecord | null = null;
  #asking: Promise<void> | null = null;
  #silent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** Whether this device was turned away, and keeps what it holds. */
  get away(): boolean {
    return this.#away !== null;
  }

  /** The lock on this device, where it is locked as lost; names come from signed cards alone. */
  async lock(): Promise<LostLock | null> {
    const lock = this.#away?.lock ?? null;
    if (lock === null) return null;
    const { plate } = this.#options;
    const admins = lock.admins.map(async ({ personId, number }) => {
      return { plate: await plate(personId).catch(() => null), number };
    });
    const by = await plate(lock.by).catch(() => null);
    return { by, sinceMs: lock.sinceMs, admins: await Promise.all(admins) };
  }

  async load(): Promise<void> {
    this.#away = await this.#options.vault.get<AwayRecord>(META, ROW);
  }

  /** The account is loaded: true if this device was turned away and the server still says so. */
  async isAway(): Promise<boolean> {
    if (this.#away === null) return false;
    const late = new Promise<void>((resolve) => setTimeout(resolve, START_MS));
    await Promise.race([this.ask(), late]);
    if (this.#away === null) return true;
    await this.#options.onAway(this.#away.reason);
    return true;
  }

  /** Ask the server whether it takes this device; one question at a time. */
  ask(): Promise<void> {
    if (this.#silent || this.#options.services.account.record === null) return Promise.resolve();
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const { services, onAway, onTaken, onUnclear, onWipe } = this.#options;
    clearTimeout(this.#timer);
    try {
      await services.account.refreshMe();
      await this.forget();
      await onTaken();
    } catch (error) {
      const reason = endOf(error);
      if (reason === null) {
        if (!hasCode(error, "locked")) onUnclear();
      } else if ((await services.endOf(error)) === "wipe") {
        await onWipe(reason);
      } else {
        this.#away = { reason, lock: lockOf(error) };
        await this.#options.vault.write([putMeta(ROW, this.#away)]).catch(() => undefined);
        await onAway(reason);
      }
    } finally {
      if (this.#away !== null) this.#timer = setTimeout(() => void this.ask(), ASK_MS);
    }
  }

  /** Nothing that the server says meanwhile becomes the reason: this person signs out. */
  async silently<T>(work: () => Promise<T>): Promise<T> {
    this.#silent = true;
    try {
      return await work();
    } finally {
      this.#silent = false;
    }
  }

  async forget(): Promise<void> {
    clearTimeout(this.#timer);
    if (this.#away === null) return;
    this.#away = null;
    await this.#options.vault.write([deleteMeta(ROW)]);
  }

  /** The vault is locked, wiped or closed. */
  reset(): void {
    clearTimeout(this.#timer);
    this.#away = null;
  }
}
