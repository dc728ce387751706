/**
 * This account's devices and, for a unit's admin, who waits for approval; kept in step with the
 * core. Knows which devices the person has already been told about on this device, so that a new
 * one is announced once.
 */
import type { ClientInfo, PendingApproval } from "@copconnect/client/wire";
import { app, onCoreEvent } from "../../app/app.svelte.ts";
import { core } from "../../app/core.ts";
import { unseenDevices } from "./devices.ts";

const SEEN_KEY = "copconnect.devices.seen";

function readSeen(): readonly string[] | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(SEEN_KEY) ?? "null");
    return Array.isArray(stored) ? stored.filter((one) => typeof one === "string") : null;
  } catch {
    return null;
  }
}

let devices = $state.raw<readonly ClientInfo[] | null>(null);
let devicesError = $state.raw<unknown>(null);
let approvals = $state.raw<readonly PendingApproval[] | null>(null);
let approvalsError = $state.raw<unknown>(null);
let seen = $state.raw<readonly string[] | null>(readSeen());
let followers = 0;
let stop: (() => void) | null = null;

function remember(ids: readonly string[]): void {
  seen = ids;
  try {
    localStorage.setItem(SEEN_KEY, JSON.stringify(ids));
  } catch {
    // Then the banner comes again with the next visit: better twice than never.
  }
}

function adoptDevices(found: readonly ClientInfo[]): void {
  devices = found.filter((device) => !device.revoked);
  devicesError = null;
  // The first list seen on this device is what there was: nothing is new.
  if (seen === null) remember(devices.map((device) => device.clientId));
}

async function loadDevices(): Promise<void> {
  try {
    adoptDevices(await core().clients());
  } catch (error) {
    devicesError = error;
  }
}

async function loadApprovals(): Promise<void> {
  if (app.state?.unitAdmin !== true) return;
  try {
    approvals = await core().approvals();
    approvalsError = null;
  } catch (error) {
    approvalsError = error;
  }
}

export const account = {
  get devices(): readonly ClientInfo[] | null {
    return devices;
  },
  get devicesError(): unknown {
    return devicesError;
  },
  get approvals(): readonly PendingApproval[] | null {
    return approvals;
  },
  get approvalsError(): unknown {
    return approvalsError;
  },
  get waiting(): number {
    return approvals?.length ?? 0;
  },
  /** Devices that were added since the person last looked, other than this one. */
  get newDevices(): readonly ClientInfo[] {
    return unseenDevices(devices ?? [], seen ?? [], app.state?.clientId ?? null);
  },
  /** The person has seen the devices there are. */
  acknowledgeDevices(): void {
    if (devices !== null) remember(devices.map((device) => device.clientId));
  },
  reload(): void {
    void loadDevices();
    void loadApprovals();
  },
  async revoke(clientId: string): Promise<void> {
    adoptDevices(await core().revokeClient(clientId));
  },
  async decide(approvalId: string, approve: boolean): Promise<void> {
    await core().decideApproval(approvalId, approve);
    approvals = (approvals ?? []).filter((one) => one.approvalId !== approvalId);
  },
  /** Keep in step while somebody looks; returns how to stop. */
  follow(): () => void {
    followers += 1;
    if (followers === 1) {
      account.reload();
      stop = onCoreEvent((event) => {
        if (event.type === "clients") void loadDevices();
        if (event.type === "approvals") void loadApprovals();
      });
    }
    return () => {
      followers -= 1;
      if (followers > 0) return;
      stop?.();
      stop = null;
    };
  },
};
