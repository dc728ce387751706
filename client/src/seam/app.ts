/** The state of the whole app. */
import type { ClientId } from "../ids.ts";
import type { Confirmed, Person } from "../wire.ts";
import type { Progress } from "./progress.ts";
import type { Plate } from "../names.ts";

/**
 * The server's word on why this device's token ended (errors.SignedOut), or `pin_tries`: wiped
 * after too many wrong PINs; or `unknown`: the server does not know the token.
 */
export type SignedOutReason =
  | "suspended"
  | "removed"
  | "device_removed"
  | "signed_out"
  | "locked"
  | "pin_tries"
  | "unknown";

/** This device was locked as lost: who asked for it, since when, and who may unlock it. */
export interface LostLock {
  /** Null where no signed card names the person. */
  readonly by: Plate | null;
  readonly sinceMs: number;
  /** `number` is empty where this person is not shown it. */
  readonly admins: readonly { readonly plate: Plate | null; readonly number: string }[];
}

/** The state of this device. The screens follow `phase` and nothing else. */
export interface AppState {
  readonly phase: "register" | "conduct" | "locked" | "ready" | "signed_out" | "storage_failed";
  /** Why the device was signed out ({@link SignedOutReason}), or could not open its storage. */
  readonly reason: string | null;
  /**
   * With "signed_out": nothing signed says that this device is to be wiped, so what it holds is kept,
   * locked, until the server takes it again or the person starts over.
   */
  readonly kept: boolean;
  /** With the reason "locked" alone. */
  readonly lostLock: LostLock | null;
  readonly me: Person | null;
  readonly clientId: ClientId | null;
  readonly unitAdmin: boolean;
  readonly lock: {
    readonly enabled: boolean;
    /** The lock opens with a passphrase instead of a PIN. */
    readonly passphrase: boolean;
    readonly autoLockMs: number;
    readonly triesLeft: number | null;
  };
  readonly connection: "online" | "connecting" | "offline";
  /** Messages waiting for the network. */
  readonly outbox: number;
  /** True while the core is catching up after being away. */
  readonly catchingUp: boolean;
  /**
   * This device's confirmation. `confirmers`: people who can give it if missing, nearest first;
   * `number` is empty where this person is not shown it.
   */
  readonly device: {
    readonly confirmed: Confirmed;
    readonly confirmers: readonly (Plate & { readonly number: string })[];
    /** When this device registered. */
    readonly sinceMs: number | null;
  };
  /** Conversations whose earlier messages are here already, while a new device fills up. */
  readonly history: Progress | null;
  /**
   * The log of this person's personal items raised an alarm or is at a standstill: what one device changes
   * may not reach the others.
   */
  readonly ownAlarm: boolean;
  /** This device keeps sanctions of this person, whether they are in force or not. */
  readonly sanctioned: boolean;
  /** Set when the server speaks a newer wire version: ask the person to reload. */
  readonly updateRequired: boolean;
  /** Device clock minus server clock; a warning belongs above 5 minutes. */
  readonly clockSkewMs: number;
  /**
   * The department's time is not what this device expects, and messages wait: until this time of the
   * device, or less if the time is as expected before. Null: the time is known or not asked for yet.
   */
  readonly timeWaitMs: number | null;
}
