/** The vault's records about this device's account, in rows of `meta`. */
import type { ClientId } from "../ids.ts";
import type { ClientRegistered, Me } from "../wire.ts";

/**
 * This device's identity, with the newest answer to its registration. `meta/account`. The `device`
 * survives renewals of the certificate; `trust` is as this device verified it last.
 */
export interface AccountRecord extends ClientRegistered {
  readonly signaturePrivateKey: Uint8Array;
  readonly signaturePublicKey: Uint8Array;
  readonly registeredMs: number;
  /** DER of the root, pinned at registration. */
  readonly pinnedRoot: Uint8Array;
  /** Every department record that this device has verified, ascending: none is ever taken back. */
  readonly departments: readonly Uint8Array[];
  /** The Incarnation with the highest number that this device has taken (S8). */
  readonly incarnation: Uint8Array | null;
  readonly me: Me | null;
}

/** A registration whose answer has not arrived: the same key and id are used again. */
export interface RegistrationRecord {
  readonly ticket: string;
  readonly clientId: ClientId;
  readonly signaturePrivateKey: Uint8Array;
}

/** When this device is to look after its account again. `meta/looked_after`. */
export interface LookedAfterRecord {
  /** By its own clock. */
  readonly untilMs: number;
  readonly meVersion: string;
}
