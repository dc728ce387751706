/** The state of this device, as the screens see it. */
import type { AccountServices } from "../account/services.ts";
import type { AccountRecord } from "../account/record.ts";
import type { AppState } from "../seam.ts";
import type { PeopleDirectory } from "../people/people.ts";
import type { Vault } from "../vault/vault.ts";
import type { Device } from "./device.ts";

export interface AppSnapshot extends Pick<
  AppState,
  | "phase"
  | "reason"
  | "kept"
  | "lostLock"
  | "connection"
  | "catchingUp"
  | "updateRequired"
  | "sanctioned"
  | "clockSkewMs"
  | "timeWaitMs"
> {
  readonly account: AccountRecord | null;
  readonly vault: Pick<Vault, "hasPin" | "lockedBy" | "triesLeft">;
  readonly autoLockMs: number;
  readonly device: Device | null;
  /** This device's confirmation; null: the device is not registered. */
  readonly own: AppState["device"] | null;
}

const NOBODY: AppState["device"] = { confirmed: "no", confirmers: [], sinceMs: null };

export function appStateOf(standing: AppSnapshot): AppState {
  const { account, vault, autoLockMs, device, own, ...same } = standing;
  const me = account?.me ?? null;
  return {
    ...same,
    me: me?.person ?? null,
    clientId: account?.clientId ?? null,
    unitAdmin: me?.unitAdmin ?? false,
    lock: {
      ...{ enabled: vault.hasPin, passphrase: vault.lockedBy === "passphrase" },
      ...{ autoLockMs, triesLeft: vault.triesLeft },
    },
    outbox: device === null ? 0 : waiting(device),
    device: own ?? NOBODY,
    history: device === null ? null : filling(device),
    ownAlarm: device !== null && isAlarmed(device),
  };
}

/** Messages that wait for the network, without personal items. */
function waiting({ outgoing, book }: Device): number {
  return outgoing.waiting - outgoing.of(book.oneself).length;
}

/**
 * Whether the log of personal items has an alarm. No screen shows the conversation that holds these
 * items, so the state of the app reports the alarm.
 */
function isAlarmed({ book }: Device): boolean {
  const own = book.find(book.oneself);
  return own !== null && (own.record.alarm !== null || own.record.standstill);
}

/** Conversations that are whole, of the listed ones; null: all are. */
function filling({ book }: Device): AppState["history"] {
  const records = [...book.conversations.values()].map(({ record }) => record);
  const listed = records.filter(({ state, log }) => state === "ready" && log !== null);
  const done = listed.filter(({ history }) => history === null).length;
  return done === listed.length ? null : { done, total: listed.length };
}

/** Whether this device is confirmed, and who can confirm it. */
export async function ownDevice(
  { standing: { verdict, confirmers, sinceMs } }: Pick<AccountServices, "standing">,
  people: PeopleDirectory,
): Promise<AppState["device"]> {
  // The vault may be closed meanwhile: the state is asked for once more then.
  const plates = await people.plates(confirmers.map(({ personId }) => personId)).catch(() => []);
  const numbers = new Map(confirmers.map(({ personId, number }) => [personId, number]));
  const named = plates.map((plate) => ({ ...plate, number: numbers.get(plate.personId) ?? "" }));
  return { confirmed: verdict?.confirmed ?? "no", confirmers: named, sinceMs };
}
