/**
 * The people who can read a conversation and people who cannot yet. Pure. The four numbers add up
 * to its people: each person is counted once, by what their devices can do.
 */
import type { EncryptionView, MemberItem } from "@copconnect/client/core";

export interface Readers {
  /** People with a listed device that this device confirms, and how many such devices there are. */
  readonly can: number;
  readonly devices: number;
  /** Devices among these that nobody has approved; null: not known in a large conversation. */
  readonly unapproved: number | null;
  /** Registered, with listed devices of which this device confirms none. */
  readonly unconfirmed: number;
  /** Registered, without a listed device. */
  readonly signedOut: number;
  readonly unregistered: number;
}

/** `members`: everybody, in conversations where the core knows them with their devices. */
export function readersOf(view: EncryptionView, members: readonly MemberItem[]): Readers {
  // Devices come with the signed roster: before it is here, and in large conversations, the view's
  // own numbers are all that is known.
  if (members.every(({ devices }) => devices.length === 0)) {
    const { people, unregistered, unconfirmed, devices } = view;
    const can = Math.max(0, people - unregistered - unconfirmed.length);
    return {
      can,
      devices,
      unapproved: null,
      unconfirmed: unconfirmed.length,
      signedOut: 0,
      unregistered,
    };
  }
  const counted = {
    can: 0,
    devices: 0,
    unapproved: 0,
    unconfirmed: 0,
    signedOut: 0,
    unregistered: 0,
  };
  for (const { devices, registered } of members) {
    const confirmed = devices.filter((device) => device.confirmed !== "no").length;
    counted.devices += confirmed;
    counted.unapproved += devices.filter((device) => device.confirmed === "first").length;
    if (confirmed > 0) counted.can += 1;
    else if (!registered) counted.unregistered += 1;
    else if (devices.length > 0) counted.unconfirmed += 1;
    else counted.signedOut += 1;
  }
  return counted;
}
