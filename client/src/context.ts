/**
 * The context that the parts of a running core share. calls/session.ts makes it once; each part
 * takes it and states nothing of how it came to be.
 */
import type { CoreEvent } from "./seam.ts";
import type { ClientId, ConversationId, DeviceId, PersonId } from "./ids.ts";
import type { Freshness } from "./trust/freshness.ts";
import type { Api } from "./transport/api.ts";
import type { Judge } from "./keys/trust/confirmed.ts";
import type { DeviceTrust, OwnDeviceKeys, TimeAnchor } from "./trust/ports.ts";
import type { Vault } from "./vault/vault.ts";

/**
 * A program that this device runs for (bot/): each message waits in the vault until it has handled it,
 * and nothing of before is fetched.
 */
export interface Program {
  /** Messages that were signed earlier do not concern it, in a conversation that is new here. */
  readonly sinceMs: () => number;
  /** A message of this conversation waits, and is stored. */
  readonly onWaiting: (conversationId: ConversationId) => void;
}

export interface Context {
  /** Absent: a person reads. */
  readonly program?: Program | undefined;
  readonly vault: Vault;
  readonly api: Api;
  /** Device clock. */
  readonly now: () => number;
  /** In [0, 1); for jitter only, never for keys. */
  readonly random: () => number;
  readonly emit: (event: CoreEvent) => void;
}

/** This device, as records name it, and what it signs with. */
export interface Identity {
  readonly personId: PersonId;
  readonly clientId: ClientId;
  readonly device: DeviceId;
  readonly deviceBytes: Uint8Array;
  /** Ed25519 seed. */
  readonly privateKey: Uint8Array;
  /** When this device registered, by the server's clock. */
  readonly registeredMs: number;
}

/** The context of a registered device with an open vault. */
export interface DeviceContext extends Context {
  readonly identity: () => Identity;
  readonly trust: DeviceTrust & { readonly judge: Judge };
  readonly freshness: Freshness;
  readonly time: TimeAnchor;
  readonly ownKeys: OwnDeviceKeys;
  /** The number of the newest Incarnation that this device has taken (S8); 0: none. */
  readonly incarnation: () => number;
  /** Ask whether there is a newer one, if the server's version of Trust is not this one. */
  readonly learnIncarnation: (trustVersion: number | null) => Promise<void>;
  /** Aborts when the core locks, signs out or stops. */
  readonly signal: AbortSignal;
}
