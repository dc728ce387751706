/** Devices, and the people who vouch for them. */
import type { AlarmId, ClientId, ConfirmationId, DeviceId } from "../ids.ts";
import type { Confirmed, UnconfirmedDevice } from "../wire.ts";
import type { Plate } from "../names.ts";

export interface MemberDevice {
  readonly device: DeviceId;
  readonly clientId: ClientId;
  /** The label of one's own device; null for other people's devices. */
  readonly label: string | null;
  readonly confirmed: Confirmed;
  /** The person who vouches for it, where somebody does. */
  readonly by: Plate | null;
  readonly expiresMs: number;
}

/** A registered device that nobody vouches for yet, which this person may confirm. */
export interface UnconfirmedItem extends Omit<UnconfirmedDevice, "person"> {
  readonly plate: Plate;
  /** One of this person's own devices. */
  readonly own: boolean;
}

/** A person's devices, locked as lost or not, and what this person may do about it. */
export interface PhoneLockView {
  /** Null where they are not locked, or this person may neither lock nor unlock them. */
  readonly sinceMs: number | null;
  /** The person who asked for the lock. */
  readonly by: Plate | null;
  readonly mayLock: boolean;
  readonly mayUnlock: boolean;
}

/** A comparison of six digits under way (E3). The confirming device alone decides. */
export interface ConfirmationView {
  readonly confirmationId: ConfirmationId;
  /** confirming: type the digits here; new: show them here. */
  readonly role: "confirming" | "new";
  /** The person at the other end. */
  readonly plate: Plate | null;
  readonly device: DeviceId;
  /** asked: the new device alone; it answers once its person has tapped the name (E3). */
  readonly state: "asked" | "begun" | "digits" | "confirmed" | "refused" | "over";
  /** On the new device alone: to be read out. */
  readonly digits: string | null;
  /** On the new device alone: a QR code that the other may scan instead. */
  readonly code: string | null;
  /** On the confirming device alone. */
  readonly triesLeft: number | null;
  readonly expiresMs: number;
}

export interface GrantView {
  readonly unitPath: string;
  readonly by: Plate | null;
  readonly createdMs: number;
  readonly notAfterMs: number;
}

/** A person's grants after one was given. `waiting`: a second admin must approve it first. */
export interface GrantGiven {
  readonly grants: readonly GrantView[];
  readonly waiting: boolean;
}

/** Something was done in this person's name that this device did not do (E5). */
export interface AlarmView {
  readonly id: AlarmId;
  /**
   * device: another device of theirs was confirmed; key: this device's own keys were copied; log: the
   * audit log is another than the one that this device has seen; card: the person's signed card says
   * something else; refusedCard: somebody's signed card is dated back, or does not follow the one
   * before (E4).
   */
  readonly kind: "device" | "key" | "log" | "card" | "refusedCard";
  readonly device: DeviceId;
  /** The person who confirmed the device, or whose card was refused. */
  readonly person: Plate | null;
  readonly sinceMs: number | null;
}

/** A device's endorsements and grants: those older than its loss stand when it is revoked. */
export interface MadeView {
  readonly confirmed: readonly { readonly plate: Plate | null; readonly createdMs: number }[];
  readonly granted: readonly {
    readonly plate: Plate | null;
    readonly unitPath: string;
    readonly createdMs: number;
  }[];
}
