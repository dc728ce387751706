/**
 * This account's devices, the devices that wait for this person to confirm them, and acts done
 * in this person's name without this device; kept in step with the core.
 *
 * Every list is the core's verified word (E0 to E5): nothing here remembers what was seen.
 */
import type { AlarmView, UnconfirmedItem } from "@copconnect/client/core";
import type { AlarmId, ClientId, ClientInfo, DeviceId } from "@copconnect/client/wire";
import { untrack } from "svelte";
import { app, onCoreEvent } from "#app/state/app.svelte.ts";
import { core } from "#app/core.ts";

let devices = $state.raw<readonly ClientInfo[] | null>(null);
let devicesError = $state.raw<unknown>(null);
let unconfirmed = $state.raw<readonly UnconfirmedItem[] | null>(null);
let unconfirmedError = $state.raw<unknown>(null);
let alarms = $state.raw<readonly AlarmView[]>([]);
let followers = 0;
let stop: (() => void) | null = null;

function adoptDevices(found: readonly ClientInfo[]): void {
  devices = found.filter((device) => !device.revoked);
  devicesError = null;
}

async function loadDevices(): Promise<void> {
  try {
    adoptDevices(await core().devices.own());
  } catch (error) {
    devicesError = error;
  }
}

async function loadUnconfirmed(): Promise<void> {
  // A device that nobody vouches for may vouch for none.
  if (app.state?.device.confirmed === "no") return;
  try {
    unconfirmed = await core().devices.unconfirmed();
    unconfirmedError = null;
  } catch (error) {
    unconfirmedError = error;
  }
}

async function loadAlarms(): Promise<void> {
  alarms = await core()
    .devices.alarms()
    .catch(() => alarms);
}

function reload(): void {
  void loadDevices();
  void loadUnconfirmed();
  void loadAlarms();
}

/** Whether the connection was up and this device confirmed when the lists were loaded. */
let able = false;

function isAble(): boolean {
  return app.state?.connection === "online" && app.state.device.confirmed !== "no";
}

export const account = {
  get devices(): readonly ClientInfo[] | null {
    return devices;
  },
  get devicesError(): unknown {
    return devicesError;
  },
  /** Devices that wait for this person, own ones first. */
  get unconfirmed(): readonly UnconfirmedItem[] | null {
    return unconfirmed;
  },
  get unconfirmedError(): unknown {
    return unconfirmedError;
  },
  get waiting(): number {
    return unconfirmed?.length ?? 0;
  },
  get alarms(): readonly AlarmView[] {
    return alarms;
  },
  /** Other devices of this person that can read; null: not known. */
  get others(): number | null {
    const here = app.state?.clientId ?? null;
    if (devices === null) return null;
    return devices.filter((one) => one.clientId !== here && one.confirmed !== "no").length;
  },
  /** The name that the person gave a device of theirs. */
  labelOf(device: DeviceId): string | null {
    const known = devices?.find((one) => one.device === device)?.label;
    return known ?? unconfirmed?.find((one) => one.device === device)?.label ?? null;
  },
  reload,
  /** Remove one of this person's devices, by this device's signature. */
  async remove(device: ClientInfo, lostMs: number): Promise<void> {
    await core().devices.revoke(device.device, lostMs);
    reload();
  },
  async rename(clientId: ClientId, label: string): Promise<void> {
    adoptDevices(await core().devices.rename(clientId, label));
  },
  async acknowledge(id: AlarmId): Promise<void> {
    await core().devices.acknowledgeAlarm(id);
    await loadAlarms();
  },
  /** Keep in step while somebody looks; returns how to stop. */
  follow(): () => void {
    followers += 1;
    if (followers === 1) {
      // Followers do not start over whenever the app's state changes.
      able = untrack(isAble);
      untrack(reload);
      stop = onCoreEvent((event) => {
        if (event.type === "clients") void loadDevices();
        if (event.type === "clients" || event.type === "unconfirmed") void loadUnconfirmed();
        if (event.type === "alarm") void loadAlarms();
        if (event.type !== "app") return;
        if (isAble() && !able) reload();
        able = isAble();
      });
    }
    return () => {
      followers -= 1;
      if (followers > 0) return;
      stop?.();
      stop = null;
      devices = null;
      unconfirmed = null;
      alarms = [];
    };
  },
};
