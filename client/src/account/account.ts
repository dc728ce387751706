/**
 * This device's identity: registration, the stored account, the department that it trusts, and the
 * renewal of its certificate.
 *
 * Invariants: the device key and client id are stored before they are sent, so a registration whose
 * answer was lost is repeated with the same key; root and department record are pinned at
 * registration, and only a record with a higher number replaces one. Failures of certificates and
 * department records are `trust_invalid`; they change nothing of what is stored.
 * Concurrency: a change of the account is written to the vault before memory has it.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import type { Context, Identity } from "../context.ts";
import { failure, hasCode } from "../failure.ts";
import { hash } from "../keys/format/hashing.ts";
import { DepartmentFormat } from "../keys/trust/department.ts";
import { IncarnationFormat } from "../keys/trust/incarnation.ts";
import { DepartmentTrust } from "../trust/department-trust.ts";
import { parseCertificate } from "../keys/trust/certificate.ts";
import type { Certificate } from "../keys/trust/device-certificate.ts";
import { newId, type ClientId } from "../ids.ts";
import { Refused } from "../keys/format/refused.ts";
import { sign } from "../keys/format/signature.ts";
import {
  concat,
  equalBytes,
  fromHex,
  randomBytes,
  toHex,
  u64,
  utf8,
  type Bytes,
} from "../octets.ts";
import { META, deleteMeta, putMeta } from "../vault/changes.ts";
import type { ClientRegistered, Me, Ready, Trust } from "../wire.ts";
import type { AccountRecord, LookedAfterRecord, RegistrationRecord } from "./record.ts";

/** A certificate is renewed in the last third of its life, and in the last 30 days of a long one. */
const LONGEST_RENEWAL_MS = 30 * 24 * 3600_000;
/**
 * At least so often a device looks after its account, and after half of that at the earliest: when
 * all come back at once after a restart of the server, few are due.
 */
const LOOK_AFTER_MS = 6 * 3600_000;
/** A token that would not hold until the account is looked after again is renewed before. */
const RENEWED_MS = LOOK_AFTER_MS + 3600_000;

export class Account {
  readonly #context: Pick<Context, "vault" | "api" | "now" | "random">;
  /** Server time by this device's reckoning. */
  readonly #serverNow: () => number;
  #record: AccountRecord | null = null;
  #trust: DepartmentTrust | null = null;
  #refreshing: Promise<boolean> | null = null;
  #renewing: Promise<void> | null = null;

  constructor(context: Pick<Context, "vault" | "api" | "now" | "random">, serverNow: () => number) {
    this.#context = context;
    this.#serverNow = serverNow;
  }

  get record(): AccountRecord | null {
    return this.#record;
  }

  /** The name that this person gave to one of this person's devices. */
  labelOf(clientId: ClientId): string | null {
    const clients = this.#record?.me?.clients ?? [];
    return clients.find((one) => one.clientId === clientId)?.label ?? null;
  }

  require(): AccountRecord {
    if (this.#record === null) throw failure("not_registered");
    return this.#record;
  }

  /** The root, CAs and department records that everything is judged by. */
  get trust(): DepartmentTrust {
    if (this.#trust === null) throw failure("not_registered");
    return this.#trust;
  }

  get identity(): Identity {
    const { personId, clientId, device, signaturePrivateKey, registeredMs } = this.require();
    const deviceBytes = fromHex(device);
    const privateKey = signaturePrivateKey;
    return { personId, clientId, device, deviceBytes, privateKey, registeredMs };
  }

  /** Read the account from the open vault. */
  async load(): Promise<AccountRecord | null> {
    const record = await this.#context.vault.get<AccountRecord>(META, "account");
    if (record !== null) {
      const held = record.departments.map((bytes) => DepartmentFormat.parse(bytes));
      const { incarnation } = record;
      const taken = incarnation === null ? null : IncarnationFormat.parse(incarnation);
      const { trust, pinnedRoot } = record;
      this.#trust = await DepartmentTrust.open(trust, pinnedRoot, held, taken).catch(untrusted);
    }
    this.#record = record;
    return record;
  }

  forget(): void {
    this.#record = null;
    this.#trust = null;
  }

  /** Make the device key, get its certificate, and store the account. */
  async register(ticket: string, label: string): Promise<AccountRecord> {
    const { vault, api } = this.#context;
    let registration = await vault.get<RegistrationRecord>(META, "registration");
    if (registration?.ticket !== ticket) {
      registration = {
        ticket,
        clientId: newId(),
        signaturePrivateKey: ed25519.utils.randomSecretKey(),
      };
      await vault.write([putMeta("registration", registration)], true);
    }
    const { clientId, signaturePrivateKey } = registration;
    const signaturePublicKey = ed25519.getPublicKey(signaturePrivateKey) as Bytes;
    const proof = ed25519.sign(
      concat(utf8("copconnect register v1\0"), utf8(ticket), fromHex(clientId), signaturePublicKey),
      signaturePrivateKey,
    );
    const answer = await api.registerClient({ ticket, clientId, signaturePublicKey, proof, label });
    const trust = await DepartmentTrust.open(answer.trust, answer.trust.root).catch(untrusted);
    const record = await this.#registered(answer, trust, registration, signaturePublicKey);
    await vault.write([putMeta("account", record), deleteMeta("registration")], true);
    this.#trust = trust;
    this.#record = record;
    return record;
  }

  async #registered(
    answer: ClientRegistered,
    trust: DepartmentTrust,
    registration: RegistrationRecord,
    signaturePublicKey: Uint8Array,
  ): Promise<AccountRecord> {
    const { certificate, personId, device } = answer;
    const { clientId, signaturePrivateKey } = registration;
    const owner = { personId, clientId, device, signaturePublicKey };
    requireOwn(await trust.certificate(certificate).catch(untrusted), owner);
    return {
      ...owner,
      certificate,
      signaturePrivateKey,
      accessToken: answer.accessToken,
      tokenExpiresMs: answer.tokenExpiresMs,
      registeredMs: Math.round(this.#serverNow()),
      pinnedRoot: answer.trust.root,
      trust: answer.trust,
      departments: trust.departments.map(({ bytes }) => bytes),
      incarnation: trust.incarnation?.bytes ?? null,
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
    const record = this.require();
    const own = me.clientId === record.clientId && me.person.personId === record.personId;
    if (!own) throw failure("trust_invalid", { details: { reason: "another's account" } });
    await this.#store({ ...record, me });
  }

  /**
   * Why this device looks after its account now: it never has, or the account is another by what the
   * server says, or the last time was hours ago. Null: there is no need.
   */
  async due({ meVersion }: Pick<Ready, "meVersion">): Promise<"first" | "again" | null> {
    const last = await this.#context.vault.get<LookedAfterRecord>(META, "looked_after");
    if (last === null) return "first";
    if (last.meVersion !== meVersion) return "again";
    const leftMs = last.untilMs - this.#context.now();
    return leftMs <= 0 || leftMs > LOOK_AFTER_MS ? "again" : null;
  }

  /** All of it has been looked after. */
  async lookedAfter({ meVersion }: Pick<Ready, "meVersion">): Promise<void> {
    const untilMs = this.#context.now() + LOOK_AFTER_MS * (1 - this.#context.random() / 2);
    const value: LookedAfterRecord = { untilMs, meVersion };
    await this.#context.vault.write([putMeta("looked_after", value)]);
  }

  /**
   * Fetch the department's trust if the server's version is another than ours; one question serves
   * all who ask meanwhile. True when it is another now.
   */
  refreshTrust(version: number): Promise<boolean> {
    if (version === this.require().trust.version) return Promise.resolve(false);
    this.#refreshing ??= this.#refreshTrust().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refreshTrust(): Promise<boolean> {
    const answer: Trust = await this.#context.api.trust();
    const record = this.require();
    const trust = await this.trust.follow(answer, record.pinnedRoot).catch(untrusted);
    const departments = trust.departments.map(({ bytes }) => bytes);
    const incarnation = trust.incarnation?.bytes ?? null;
    await this.#store({ ...record, trust: answer, departments, incarnation });
    this.#trust = trust;
    return answer.version !== record.trust.version;
  }

  /** Renew the token and the certificate when the time of one has come. */
  async renew(): Promise<void> {
    const record = this.require();
    const mine = record.me?.clients.find(({ clientId }) => clientId === record.clientId);
    if (mine === undefined) return;
    const { notBeforeMs, notAfterMs } = parseCertificate(record.certificate);
    const windowMs = Math.min(LONGEST_RENEWAL_MS, (notAfterMs - notBeforeMs) / 3);
    // A later end than ours is the answer to a renewal that was lost: asked again, it comes.
    const lost = mine.certificateExpiresMs > notAfterMs + 1_000;
    const now = this.#serverNow();
    const due = lost || notAfterMs - now <= windowMs || record.tokenExpiresMs - now <= RENEWED_MS;
    if (due) await this.renewToken();
  }

  /** The access token; by this device's reckoning it holds, unless no other could be had. */
  async freshToken(): Promise<string | null> {
    const expiresMs = this.#record?.tokenExpiresMs ?? Infinity;
    if (expiresMs <= this.#serverNow()) await this.renewToken().catch(() => undefined);
    return this.#record?.accessToken ?? null;
  }

  /**
   * Let the device's key get another access token, and a new certificate near the end of the one
   * there is. A lost answer costs nothing: the former token holds until it expires.
   */
  renewToken(): Promise<void> {
    this.#renewing ??= this.#renewToken().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renewToken(): Promise<void> {
    const record = this.require();
    const accessToken = toHex(randomBytes(32));
    const tokenHash = hash(utf8(accessToken));
    const { certificate, tokenExpiresMs } = await this.#signed("renew v2", tokenHash, (signed) =>
      this.#context.api.renewCertificate({ ...signed, tokenHash }),
    );
    if (!equalBytes(certificate, record.certificate))
      requireOwn(await this.trust.certificate(certificate).catch(untrusted), record);
    await this.#store({ ...this.require(), certificate, accessToken, tokenExpiresMs });
  }

  /** Let the roster authority revoke this device. */
  signOut(): Promise<void> {
    const { api } = this.#context;
    return this.#signed("sign-out v1", new Uint8Array(), (signed) => api.signOut(signed));
  }

  /** Sign for this device alone, now. If the clock is wrong, take the server's time once. */
  async #signed<T>(
    label: string,
    rest: Bytes,
    send: (signed: { clientId: ClientId; createdMs: number; proof: Bytes }) => Promise<T>,
  ): Promise<T> {
    const { clientId, signaturePrivateKey } = this.require();
    const sentAt = async (createdMs: number): Promise<T> => {
      const head = concat(utf8(`copconnect ${label}\0`), fromHex(clientId), u64(createdMs));
      const proof = await sign(signaturePrivateKey, concat(head, rest));
      return send({ clientId, createdMs, proof });
    };
    try {
      return await sentAt(Math.round(this.#serverNow()));
    } catch (error) {
      const serverMs = hasCode(error, "clock_wrong") ? error.details["server_ms"] : null;
      if (typeof serverMs !== "number") throw error;
      return sentAt(serverMs);
    }
  }

  async #store(record: AccountRecord): Promise<void> {
    await this.#context.vault.write([putMeta("account", record)]);
    this.#record = record;
  }
}

/** A certificate of this device, and of no other. */
function requireOwn(
  certificate: Certificate,
  owner: Pick<AccountRecord, "personId" | "device" | "signaturePublicKey">,
): void {
  const own =
    certificate.device === owner.device &&
    certificate.person === owner.personId &&
    equalBytes(certificate.publicKey, owner.signaturePublicKey);
  if (!own) {
    throw failure("trust_invalid", { details: { reason: "certificate of another device" } });
  }
}

function untrusted(cause: unknown): never {
  if (!(cause instanceof Refused)) throw cause;
  throw failure("trust_invalid", { cause, details: { reason: cause.message } });
}
