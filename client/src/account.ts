/**
 * Who this device is: registration, the stored account, trust, certificate renewal.
 *
 * Invariants: the device key and client id are stored before they are sent, so that a registration
 * whose answer was lost is repeated with the same key; the root is pinned at registration; trust
 * never goes back to a lower version. Failures of the certificates are `trust_invalid`.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { CredentialChecker, DeviceIdentity } from "./mls/types.ts";
import type { Context } from "./context.ts";
import { failure } from "./failure.ts";
import { concat, fromHex, newId, toHex, u64, utf8 } from "./octets.ts";
import { STORES } from "./records.ts";
import type { AccountRecord, LookedAfterRecord, RegistrationRecord } from "./records.ts";
import { parseCertificate } from "./trust/certificate.ts";
import { TrustStore, UnknownIssuer } from "./trust/checker.ts";
import type { Change } from "./vault/vault.ts";
import type { ClientRegistered, Me, Ready, Trust } from "./wire.ts";

/** A certificate is renewed in the last third of its life, and in the last 30 days of a long one. */
const LONGEST_RENEWAL_MS = 30 * 24 * 3600_000;
/**
 * At least so often a device looks after its account and key packages, and after half of that at the
 * earliest: when all come back at once after a restart of the server, few are due.
 */
const LOOK_AFTER_MS = 6 * 3600_000;
/** Who asks for trust because of unknown issuers asks no more often. */
const ASK_TRUST_MS = 5_000;

function putMeta(key: string, value: unknown): Change {
  return { op: "put", store: STORES.meta, key, value };
}

export class Account {
  readonly #context: Context;
  /** Server time by this device's reckoning. */
  readonly #serverNow: () => number;
  #record: AccountRecord | null = null;
  #trust: TrustStore | null = null;
  #asking: Promise<void> | null = null;
  #askedMs = -Infinity;

  constructor(context: Context, serverNow: () => number) {
    this.#context = context;
    this.#serverNow = serverNow;
  }

  get record(): AccountRecord | null {
    return this.#record;
  }

  require(): AccountRecord {
    if (this.#record === null) throw failure("not_registered");
    return this.#record;
  }

  /** Read the account from the open vault. */
  async load(): Promise<AccountRecord | null> {
    const record = await this.#context.vault.get<AccountRecord>(STORES.meta, "account");
    if (record !== null) this.#trust = await this.#openTrust(record.trust, record.pinnedRoot, 0);
    this.#record = record;
    return record;
  }

  forget(): void {
    this.#record = null;
    this.#trust = null;
  }

  /**
   * Judges by the newest trust, also when it changes later. A certificate of an issuing CA that is
   * not known yet may come before the word that there is a newer trust: it is asked for before the
   * certificate is refused. Without network the judgement waits (rejects with `network`).
   */
  checker(): CredentialChecker {
    const current = (): TrustStore => {
      if (this.#trust === null) throw failure("not_registered");
      return this.#trust;
    };
    return {
      checkClient: async (...judged) => {
        const trust = current();
        try {
          return await trust.checkClient(...judged);
        } catch (error) {
          if (!(error instanceof UnknownIssuer)) throw error;
          await this.#askForTrust();
          if (current() === trust) throw error;
          return current().checkClient(...judged);
        }
      },
      rosterAuthority: () => current().rosterAuthority(),
    };
  }

  /** Fetch the newest trust, once for all who ask meanwhile, unless it was fetched just now. */
  #askForTrust(): Promise<void> {
    if (this.#asking !== null) return this.#asking;
    if (this.#context.now() - this.#askedMs < ASK_TRUST_MS) return Promise.resolve();
    this.#asking = this.refreshTrust(Infinity)
      .then(() => {
        this.#askedMs = this.#context.now();
      })
      .finally(() => {
        this.#asking = null;
      });
    return this.#asking;
  }

  identity(): DeviceIdentity {
    const { personId, clientId, certificate, certificateHash, ...keys } = this.require();
    return {
      personId,
      clientId,
      certificate,
      certificateHash,
      signaturePrivateKey: keys.signaturePrivateKey,
      signaturePublicKey: keys.signaturePublicKey,
    };
  }

  /** Make the device key, get its certificate, and store the account. */
  async register(ticket: string, label: string): Promise<AccountRecord> {
    const { vault, api } = this.#context;
    let registration = await vault.get<RegistrationRecord>(STORES.meta, "registration");
    if (registration?.ticket !== ticket) {
      registration = {
        ticket,
        clientId: newId(),
        signaturePrivateKey: ed25519.utils.randomSecretKey(),
      };
      await vault.write([putMeta("registration", registration)], true);
    }
    const { clientId, signaturePrivateKey } = registration;
    const signaturePublicKey = ed25519.getPublicKey(signaturePrivateKey);
    const proof = ed25519.sign(
      concat(utf8("copconnect register v1\0"), utf8(ticket), fromHex(clientId), signaturePublicKey),
      signaturePrivateKey,
    );
    const answer = await api.registerClient({ ticket, clientId, signaturePublicKey, proof, label });
    const record = await this.#checked(answer, registration, signaturePublicKey);
    await vault.write(
      [putMeta("account", record), { op: "delete", store: STORES.meta, key: "registration" }],
      true,
    );
    this.#record = record;
    return record;
  }

  async #checked(
    answer: ClientRegistered,
    registration: RegistrationRecord,
    signaturePublicKey: Uint8Array,
  ): Promise<AccountRecord> {
    const { certificate, trust } = answer;
    const store = await this.#openTrust(trust, trust.root, 0);
    const identity = await store.checkClient(certificate, signaturePublicKey).catch(untrusted);
    if (identity.clientId !== registration.clientId || identity.personId !== answer.personId) {
      throw failure("trust_invalid", { details: { reason: "certificate of another client" } });
    }
    this.#trust = store;
    return {
      personId: identity.personId,
      clientId: identity.clientId,
      certificate,
      certificateHash: identity.certificateHash,
      signaturePrivateKey: registration.signaturePrivateKey,
      signaturePublicKey,
      accessToken: answer.accessToken,
      pinnedRoot: trust.root,
      trust,
      me: null,
    };
  }

  /** Fetch who we are and store it, so that a start without network knows it too. */
  async refreshMe(): Promise<Me> {
    const me = await this.#context.api.me();
    await this.storeMe(me);
    return me;
  }

  async storeMe(me: Me): Promise<void> {
    await this.#store({ ...this.require(), me });
  }

  /** Whether the account is another by what the server says, or was not asked for in hours. */
  async isDue({ meVersion }: Partial<Ready>): Promise<boolean> {
    const last = await this.#context.vault.get<LookedAfterRecord>(STORES.meta, "looked_after");
    // An older server does not say.
    if (last === null || (meVersion ?? "") === "" || last.meVersion !== meVersion) return true;
    const leftMs = last.untilMs - this.#context.now();
    return leftMs <= 0 || leftMs > LOOK_AFTER_MS;
  }

  /** All of it has been looked after. */
  async lookedAfter({ meVersion }: Pick<Ready, "meVersion">): Promise<void> {
    const untilMs = this.#context.now() + LOOK_AFTER_MS * (1 - this.#context.random() / 2);
    const value: LookedAfterRecord = { untilMs, meVersion };
    await this.#context.vault.write([putMeta("looked_after", value)]);
  }

  /** Fetch trust if the server's version is above ours. */
  async refreshTrust(version: number): Promise<void> {
    const record = this.require();
    if (version <= record.trust.version) return;
    const trust = await this.#context.api.trust();
    if (trust.version <= record.trust.version) return;
    const store = await this.#openTrust(trust, record.pinnedRoot, record.trust.version);
    await this.#store({ ...this.require(), trust });
    this.#trust = store;
  }

  /** Renew the certificate when its time has come. True when there is a new one. */
  async renew(): Promise<boolean> {
    const record = this.require();
    const mine = record.me?.clients.find(({ clientId }) => clientId === record.clientId);
    if (mine === undefined) return false;
    const { notBeforeMs, notAfterMs } = parseCertificate(record.certificate);
    const windowMs = Math.min(LONGEST_RENEWAL_MS, (notAfterMs - notBeforeMs) / 3);
    // Another than ours is the answer to a renewal that was lost on its way: asked again, it comes.
    const known = mine.certificateHash === record.certificateHash;
    if (known && mine.certificateExpiresMs - this.#serverNow() > windowMs) return false;
    const createdMs = Math.round(this.#serverNow());
    const proof = ed25519.sign(
      concat(utf8("copconnect renew v1\0"), fromHex(record.clientId), u64(createdMs)),
      record.signaturePrivateKey,
    );
    const { certificate } = await this.#context.api.renewCertificate({ createdMs, proof });
    const certificateHash = toHex(sha256(certificate));
    if (certificateHash === record.certificateHash) return false;
    const identity = await this.checker()
      .checkClient(certificate, record.signaturePublicKey)
      .catch(untrusted);
    if (identity.clientId !== record.clientId || identity.personId !== record.personId) {
      throw failure("trust_invalid", { details: { reason: "certificate of another client" } });
    }
    await this.#store({ ...record, certificate, certificateHash });
    return true;
  }

  async #store(record: AccountRecord): Promise<void> {
    await this.#context.vault.write([putMeta("account", record)]);
    this.#record = record;
  }

  #openTrust(trust: Trust, pinnedRoot: Uint8Array, lowestVersion: number): Promise<TrustStore> {
    const options = { pinnedRoot, lowestVersion, now: this.#serverNow };
    return TrustStore.open(trust, options).catch(untrusted);
  }
}

function untrusted(cause: unknown): never {
  const reason = cause instanceof Error ? cause.message : "unknown";
  throw failure("trust_invalid", { cause, details: { reason } });
}
