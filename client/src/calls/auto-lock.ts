/** Locks the app after a while in which nobody used it. The time is kept in the vault. */
import { STORES, type SettingsRecord } from "../records.ts";
import type { Vault } from "../vault/vault.ts";

export const DEFAULT_AUTO_LOCK_MS = 5 * 60_000;

export class AutoLock {
  readonly #vault: Vault;
  readonly #lock: () => void;
  #settings: SettingsRecord = { autoLockMs: DEFAULT_AUTO_LOCK_MS };
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(vault: Vault, lock: () => void) {
    this.#vault = vault;
    this.#lock = lock;
  }

  get afterMs(): number {
    return this.#settings.autoLockMs;
  }

  /** Read the time from the open vault. */
  async load(): Promise<void> {
    this.#settings = (await this.#vault.get(STORES.meta, "settings")) ?? this.#settings;
  }

  async set(ms: number): Promise<void> {
    this.#settings = { autoLockMs: Math.max(0, Math.round(ms)) };
    const value = this.#settings;
    await this.#vault.write([{ op: "put", store: STORES.meta, key: "settings", value }]);
  }

  /** The vault has been wiped. */
  reset(): void {
    this.#settings = { autoLockMs: DEFAULT_AUTO_LOCK_MS };
  }

  /** The app is in use now. */
  restart(locked: boolean): void {
    this.stop();
    if (!this.#vault.hasPin || this.afterMs === 0 || locked) return;
    this.#timer = setTimeout(this.#lock, this.afterMs);
    // A timer of Node would keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
