/**
 * Presence: the proof that the person who signs an act of weight was there. The challenge is the hash of
 * the signed act, so a proof is good for no other act. An authenticator (WebAuthn) signs it after it has
 * verified its user; where a person never had one, a key signs it that only the PIN unwraps. Pure.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { ACTS_OF_WEIGHT, MAX_CREDENTIAL_BYTES, MAX_PRESENCE_BYTES } from "../../limits.ts";
import { copy, utf8, type Bytes } from "../../octets.ts";
import { Reader, Writer } from "../format/fields.ts";
import { hash, tag } from "../format/hashing.ts";
import { RecordFormat, bytes, integer, sized, text, type RecordOf } from "../format/record.ts";

export const PRESENCE_RULE = "presence";
export const PIN = 0;
/** The number of each COSE algorithm of WebAuthn in records. */
export const ALGORITHMS: Readonly<Record<number, number>> = { [-7]: 1, [-257]: 2, [-8]: 3 };
const VERSION = 1;
const LABEL = tag("copconnect presence v1");
const ENROLMENT = tag("copconnect enrolment v1");

export interface Presence {
  /** {@link PIN}, or the number of an authenticator's. */
  readonly algorithm: number;
  /** 32 bytes for a PIN, else SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** The host name that the authenticator knows (RP id); "" for a PIN. */
  readonly host: string;
  readonly authenticatorData: Uint8Array;
  readonly clientData: Uint8Array;
  readonly signature: Uint8Array;
}

const WEIGHTY: ReadonlySet<string> = new Set(ACTS_OF_WEIGHT);

/** Whether an act asks for the person. */
export function isOfWeight(tagOfAct: string): boolean {
  return WEIGHTY.has(tagOfAct);
}

export function challengeOf(act: Uint8Array): Bytes {
  return hash(LABEL, act);
}

/** The challenge under which a device makes a credential. */
export function enrolmentChallenge(device: Uint8Array): Bytes {
  return hash(ENROLMENT, device);
}

export function encodePresence(presence: Presence): Bytes {
  const { algorithm, publicKey, host, authenticatorData, clientData, signature } = presence;
  const writer = new Writer().uint(VERSION, 1).uint(algorithm, 1);
  for (const part of [publicKey, utf8(host), authenticatorData, clientData, signature])
    writer.uint(part.length, 2).raw(part);
  return writer.done();
}

/** Throws Refused. */
export function parsePresence(encoded: Uint8Array): Presence {
  const reader = new Reader(encoded, PRESENCE_RULE);
  reader.require(encoded.length <= MAX_PRESENCE_BYTES, "longer than it may be");
  reader.require(reader.uint(1) === VERSION, "unknown version");
  const algorithm = reader.uint(1);
  const publicKey = reader.take(reader.uint(2));
  const host = reader.text();
  const [authenticatorData, clientData, signature] = [
    reader.take(reader.uint(2)),
    reader.take(reader.uint(2)),
    reader.take(reader.uint(2)),
  ];
  reader.end();
  return { algorithm, publicKey, host, authenticatorData, clientData, signature };
}

/** The proof by the key that the PIN unwrapped. The seed is used once and imported nowhere. */
export function proveByPin(seed: Uint8Array, act: Uint8Array): Bytes {
  const none = new Uint8Array();
  return encodePresence({
    ...{ algorithm: PIN, publicKey: copy(ed25519.getPublicKey(seed)), host: "" },
    ...{ authenticatorData: none, clientData: none },
    signature: copy(ed25519.sign(challengeOf(act), seed)),
  });
}

// --- Authenticators ---------------------------------------------------------------------------

/** A public key of RSA with 4,096 bits has 550 bytes. */
const MOST_KEY_BYTES = 1024;

/** A WebAuthn credential, as the device on which it was made signs it. */
export const AuthenticatorFormat = new RecordFormat(
  { label: "copconnect authenticator v1", rule: "authenticator", version: 1 },
  {
    device: bytes(32),
    created: integer(8),
    algorithm: integer(1),
    /** SubjectPublicKeyInfo, DER. */
    publicKey: sized(2, MOST_KEY_BYTES),
    credential: sized(2, MAX_CREDENTIAL_BYTES),
    host: text,
  },
);
export type Authenticator = RecordOf<typeof AuthenticatorFormat>;

/** The hash by which a presence names it. */
export function keyOfAuthenticator({ publicKey }: Pick<Authenticator, "publicKey">): Bytes {
  return hash(publicKey);
}
