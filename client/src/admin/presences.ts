/**
 * The proofs of presence in the audit log: who was there for an act of weight. The same rules as the
 * server's (`copconnect.audit.presences`). The log itself enrols authenticators, so that a verifier
 * needs nothing else. A hidden entry may have enrolled an authenticator. Pure.
 */
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { verifySignature } from "../keys/format/signature.ts";
import { hash } from "../keys/format/hashing.ts";
import type { SignedAct } from "../keys/trust/admin-act.ts";
import { keyOfAuthenticator, type Authenticator } from "../keys/trust/presence.ts";
import {
  PIN,
  PRESENCE_RULE,
  challengeOf,
  isOfWeight,
  parsePresence,
  type Presence,
} from "../keys/trust/presence.ts";
import { concat, copy, equalBytes, toHex, utf8, type Bytes } from "../octets.ts";
import type { DeviceId, PersonId } from "../ids.ts";
import { Broken } from "./log.ts";

const [ES256, RS256] = [1, 2];
/**
 * The place of the flags in authenticator data (WebAuthn, section 6.1), and the flags that must be
 * set.
 */
const [FLAGS_AT, PRESENT, VERIFIED] = [32, 0x01, 0x04];
const KEY_BYTES = 32;

export class PresenceVerifier {
  readonly #enrolled = new Map<PersonId, Set<string>>();
  readonly #pins = new Map<DeviceId, string>();
  /** Devices that enrol nothing themselves any more. */
  readonly #settled = new Set<DeviceId>();
  #hidden = false;

  hidden(): void {
    this.#hidden = true;
  }

  confirmed(device: DeviceId): void {
    this.#settled.add(device);
  }

  /** A device enrols its own authenticator. Throws Broken. */
  enrolOwn(number: number, person: PersonId, device: DeviceId, record: Authenticator): void {
    if (this.#settled.has(device)) throw new Broken(number, "not_present");
    this.#add(person, record);
  }

  /** An admin enrols somebody's. Throws Broken. */
  enrol(number: number, by: PersonId, person: PersonId, record: Authenticator): void {
    if (by === person) throw new Broken(number, "not_present");
    this.#add(person, record);
  }

  /** Check the proof beside a signed act. Throws Broken. */
  async check(
    number: number,
    signer: { readonly personId: PersonId; readonly device: DeviceId },
    tag: string,
    act: SignedAct,
    presence: Uint8Array,
  ): Promise<void> {
    this.#settled.add(signer.device);
    if (!isOfWeight(tag)) {
      if (presence.length > 0) throw new Broken(number, "not_present");
      return;
    }
    if (!this.#counts(signer, await proven(number, act, presence)))
      throw new Broken(number, "not_present");
  }

  #counts(
    { personId, device }: { readonly personId: PersonId; readonly device: DeviceId },
    { algorithm, publicKey }: Presence,
  ): boolean {
    const enrolled = this.#enrolled.get(personId);
    const key = toHex(hash(publicKey));
    if (algorithm !== PIN) return this.#hidden || enrolled?.has(key) === true;
    const known = this.#pins.get(device) ?? key;
    this.#pins.set(device, known);
    return known === key && enrolled === undefined;
  }

  #add(person: PersonId, record: Authenticator): void {
    const keys = this.#enrolled.get(person) ?? new Set();
    this.#enrolled.set(person, keys.add(toHex(keyOfAuthenticator(record))));
  }
}

async function proven(number: number, act: SignedAct, bytes: Uint8Array): Promise<Presence> {
  try {
    const presence = parsePresence(bytes);
    await verifyPresence(presence, act.bytes);
    return presence;
  } catch (error) {
    if (error instanceof Refused) throw new Broken(number, "not_present");
    throw error;
  }
}

/** Check that a presence proves its key's person for this signed act. Throws Refused. */
export async function verifyPresence(presence: Presence, act: Uint8Array): Promise<void> {
  const { algorithm, publicKey, host, authenticatorData, clientData, signature } = presence;
  const challenge = challengeOf(act);
  if (algorithm === PIN) {
    requireThat(
      await verifySignature(publicKey, challenge, signature),
      "signature of the PIN's key",
    );
    return;
  }
  const client = clientOf(clientData);
  requireThat(client["type"] === "webauthn.get", "another ceremony");
  requireThat(client["challenge"] === base64url(challenge), "another challenge");
  requireThat(isOf(client["origin"], host), "another host's page");
  requireThat(authenticatorData.length > FLAGS_AT, "no authenticator data");
  requireThat(
    equalBytes(authenticatorData.subarray(0, FLAGS_AT), hash(utf8(host))),
    "another host",
  );
  const flags = authenticatorData[FLAGS_AT] ?? 0;
  requireThat((flags & PRESENT) !== 0 && (flags & VERIFIED) !== 0, "a user who was not verified");
  const signed = concat(authenticatorData, hash(clientData));
  requireThat(await verifyBy(algorithm, publicKey, signed, signature), "the signature");
}

async function verifyBy(
  algorithm: number,
  publicKey: Uint8Array,
  message: Bytes,
  signature: Uint8Array,
): Promise<boolean> {
  // SubjectPublicKeyInfo of Ed25519 ends with the raw key (RFC 8410).
  if (algorithm === 3) return verifySignature(publicKey.slice(-KEY_BYTES), message, signature);
  const elliptic = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const parameters =
    algorithm === ES256 ? elliptic : { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
  if (algorithm !== ES256 && algorithm !== RS256) return false;
  const raw = algorithm === ES256 ? rawOf(signature) : copy(signature);
  if (raw === null) return false;
  try {
    const der = copy(publicKey);
    const key = await crypto.subtle.importKey("spki", der, parameters, false, ["verify"]);
    return await crypto.subtle.verify(parameters, key, raw, message);
  } catch {
    return false;
  }
}

/** An ECDSA signature of DER as WebCrypto takes it: r and s, 32 bytes each; null: malformed. */
function rawOf(der: Uint8Array): Bytes | null {
  const raw = new Uint8Array(2 * KEY_BYTES);
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return null;
  let at = 2;
  for (const end of [KEY_BYTES, 2 * KEY_BYTES]) {
    const size = der[at + 1] ?? 0;
    if (der[at] !== 0x02 || size === 0 || at + 2 + size > der.length) return null;
    const number = der.subarray(at + 2, at + 2 + size);
    const digits = number.subarray(number.findIndex((one) => one !== 0));
    if (digits.length > KEY_BYTES) return null;
    raw.set(digits, end - digits.length);
    at += 2 + size;
  }
  return at === der.length ? raw : null;
}

function clientOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // No JSON.
  }
  throw new Refused(PRESENCE_RULE, "client data is malformed");
}

/** Whether a web origin is the host's or that of a host below it. */
function isOf(origin: unknown, host: string): boolean {
  if (typeof origin !== "string" || !URL.canParse(origin)) return false;
  const { protocol, hostname } = new URL(origin);
  const secure = protocol === "https:" || (protocol === "http:" && hostname === "localhost");
  return secure && (hostname === host || hostname.endsWith(`.${host}`));
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replace(/\+/gu, "-").replace(/\//gu, "_").replace(/=+$/u, "");
}

function requireThat(condition: boolean, message: string): void {
  refuseUnless(condition, PRESENCE_RULE, message);
}
