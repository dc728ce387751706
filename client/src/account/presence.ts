/**
 * The proof that the person is there, before an act of weight is sent, and the authenticators that
 * give it. The core asks the page, which alone reaches an authenticator or a PIN pad.
 *
 * Invariants: one request at a time; a request ends with a proof for its very act, by the person's word,
 * or with the lock; the key that the PIN unwraps is in memory for one signature.
 */
import type { Context, Identity } from "../context.ts";
import type {
  AuthenticatorsView,
  MadeCredential,
  PresenceGiven,
  PresenceRequest,
  PresenceWay,
} from "../seam.ts";
import { failure } from "../failure.ts";
import { AuthenticatorFormat, type Authenticator } from "../keys/trust/presence.ts";
import {
  ALGORITHMS,
  challengeOf,
  encodePresence,
  enrolmentChallenge,
  proveByPin,
} from "../keys/trust/presence.ts";
import { equalBytes, toHex, type Bytes } from "../octets.ts";
import { SerialQueue } from "../serial-queue.ts";
import type { TimeAnchor } from "../trust/ports.ts";
import type { Vault } from "../vault/vault.ts";

export interface PresencesOptions {
  readonly context: Pick<Context, "api" | "emit">;
  readonly vault: Pick<Vault, "hasPin" | "personSeed">;
  readonly time: Pick<TimeAnchor, "anchor" | "requireNow">;
  readonly identity: () => Identity;
}

interface Open {
  readonly request: PresenceRequest;
  readonly act: Uint8Array;
  readonly enrolled: readonly Authenticator[];
  readonly resolve: (presence: Bytes) => void;
  readonly reject: (error: Error) => void;
}

export class PresenceRequests {
  readonly #options: PresencesOptions;
  #open: Open | null = null;
  #number = 0;
  readonly #queue = new SerialQueue();

  constructor(options: PresencesOptions) {
    this.#options = options;
  }

  /** The proof for a signed act. Rejects with `cancelled` where the person does not give it. */
  of(act: Uint8Array): Promise<Bytes> {
    return this.#queue.run(() => this.#ask(act));
  }

  /** Take the person's answer; null: the act is not done. A wrong PIN rejects, and the request stays. */
  async give(number: number, given: PresenceGiven | null): Promise<void> {
    const open = this.#open;
    if (open === null || open.request.number !== number) return;
    if (given === null) return this.#end(() => open.reject(failure("cancelled")));
    const presence = await this.#proof(open, given);
    this.#end(() => open.resolve(presence));
  }

  /** The app is locked or wiped. */
  reset(): void {
    const open = this.#open;
    if (open !== null) this.#end(() => open.reject(failure("locked")));
  }

  async authenticators(): Promise<AuthenticatorsView> {
    const { context, identity } = this.#options;
    const { host, enrolled, ever, asked, enrols } = await context.api.authenticators();
    return {
      ...{ host: host === "" ? null : host, ever, enrols },
      challenge: enrolmentChallenge(identity().deviceBytes),
      credentials: enrolled.map((bytes) => AuthenticatorFormat.parse(bytes).credential),
      asked: asked === null ? null : digitsOf(AuthenticatorFormat.parse(asked)),
    };
  }

  /** Sign a credential that was made here: it is enrolled, or waits for another admin. */
  async add(made: MadeCredential): Promise<AuthenticatorsView> {
    const { context, identity, time } = this.#options;
    await time.anchor();
    const { host } = await context.api.authenticators();
    const algorithm = ALGORITHMS[made.algorithm];
    if (algorithm === undefined || host === "") throw failure("authenticator_unknown");
    const { credential, publicKey, attestation, clientData } = made;
    const { deviceBytes: device, privateKey } = identity();
    const values = { device, created: time.requireNow(), algorithm, publicKey, credential, host };
    const record = await AuthenticatorFormat.sign(values, privateKey);
    await context.api.addAuthenticator({ authenticator: record.bytes, attestation, clientData });
    return this.authenticators();
  }

  async #ask(act: Uint8Array): Promise<Bytes> {
    const { context, vault } = this.#options;
    const { host, enrolled: records, ever } = await context.api.authenticators();
    const enrolled = records.map((bytes) => AuthenticatorFormat.parse(bytes));
    const bySecret: PresenceWay = vault.hasPin ? "pin" : "set_pin";
    const byHand: PresenceWay = enrolled.length > 0 ? "authenticator" : "lost";
    const request: PresenceRequest = {
      ...{ number: ++this.#number, way: ever ? byHand : bySecret, host },
      challenge: challengeOf(act),
      credentials: enrolled.map(({ credential }) => credential),
    };
    return new Promise((resolve, reject) => {
      this.#open = { request, act, enrolled, resolve, reject };
      context.emit({ type: "presence", request });
    });
  }

  async #proof({ act, request, enrolled }: Open, given: PresenceGiven): Promise<Bytes> {
    if ("pin" in given) {
      const seed = await this.#options.vault.personSeed(given.pin);
      try {
        return proveByPin(seed, act);
      } finally {
        seed.fill(0);
      }
    }
    const { credential, authenticatorData, clientData, signature } = given;
    const record = enrolled.find((one) => equalBytes(one.credential, credential));
    if (record === undefined) throw failure("authenticator_unknown");
    const { algorithm, publicKey } = record;
    const proof = { algorithm, publicKey, host: request.host };
    return encodePresence({ ...proof, authenticatorData, clientData, signature });
  }

  #end(settle: () => void): void {
    this.#open = null;
    this.#options.context.emit({ type: "presence", request: null });
    settle();
  }
}

/** Six digits by which two people see that they mean the same authenticator. */
export function digitsOf({ hash }: Pick<Authenticator, "hash">): string {
  const digits = String(parseInt(toHex(hash).slice(0, 12), 16) % 1_000_000).padStart(6, "0");
  return `${digits.slice(0, 3)} ${digits.slice(3)}`;
}
