/**
 * What the parts of a running core share. Made once by engine.ts; each part takes it and states
 * nothing of how it came to be.
 */
import type { CoreEvent } from "./core.ts";
import type { CredentialChecker, Mls } from "./mls/types.ts";
import type { AccountRecord } from "./records.ts";
import type { Api } from "./transport/api.ts";
import type { Vault } from "./vault/vault.ts";

export interface Context {
  readonly vault: Vault;
  readonly api: Api;
  /** Device clock. */
  readonly now: () => number;
  /** In [0, 1); for jitter only, never for keys. */
  readonly random: () => number;
  readonly emit: (event: CoreEvent) => void;
}

/** The context of a registered device with an open vault. */
export interface DeviceContext extends Context {
  readonly account: () => AccountRecord;
  /** For conversations of this cipher suite. Throws `update_required` for one that is not spoken. */
  readonly mls: (suite: number) => Mls;
  readonly checker: () => CredentialChecker;
  /** The server's clock as far as it is known: what certificates and key records are judged by. */
  readonly serverNow: () => number;
  /** Aborts when the core locks, signs out or stops. */
  readonly signal: AbortSignal;
}
