/**
 * A sealed envelope: a text or a proof for the devices of a few people, outside any conversation
 * (O2, F2 and F3).
 *
 * A fresh secret A is sealed to each of their DeviceKeys; the content is encrypted under a key that is
 * derived from A. Every seal and the key name the place that the envelope belongs to, so that it opens
 * nowhere else; the commitment to A gives all readers the same content.
 */
import { concat, copy, equalBytes, type Bytes, compareBytes } from "../octets.ts";
import { idOf, type SealKeyId } from "../ids.ts";
import type { SealOpener } from "./committed.ts";
import { KEY_ID_BYTES, sealKeyIdBytes, type SealTarget } from "./device-key.ts";
import { Reader, Writer, areAscending, uint } from "./format/fields.ts";
import { hkdf, tag } from "./format/hashing.ts";
import { Refused, refuseUnless } from "./format/refused.ts";
import {
  ENC_BYTES,
  SECRET_BYTES,
  TAG_BYTES,
  hpkeOpen,
  hpkeSeal,
  kemField,
  type Kem,
} from "./hpke.ts";

const VERSION = 1;
const NONCE = new Uint8Array(12);

/** The facts that envelopes of one kind have in common. */
export interface EnvelopeKind {
  /** In the labels: `copconnect <name>-seal v1` and so on. */
  readonly name: string;
  /** The rule that refuses one. */
  readonly rule: string;
  /** Devices that one is sealed to, at most. */
  readonly mostSeals: number;
  /** Bytes of a whole envelope, at most. */
  readonly mostBytes: number;
  /** The size of the length before the content. */
  readonly lengthBytes: 2 | 4;
  /** Bytes of content, at most. */
  readonly mostContent: number;
  /** The length shows in steps of this only. */
  readonly padding: number;
}

/** The place of an envelope: `salt` names it, `bytes` binds it to all that it belongs to. */
export interface EnvelopePlace {
  readonly salt: Uint8Array;
  readonly bytes: Uint8Array;
}

export interface SealedEnvelope {
  readonly kem: Kem;
  readonly commit: Bytes;
  /** Key ids of the DeviceKeys that can open it, ascending. */
  readonly keyIds: readonly SealKeyId[];
  /** enc ‖ ct of each. */
  readonly seals: readonly Bytes[];
  readonly body: Bytes;
}

function sealInfo({ name }: EnvelopeKind, place: EnvelopePlace, keyId: Uint8Array): Bytes {
  return concat(tag(`copconnect ${name}-seal v1`), place.bytes, keyId);
}

function commitOf({ name }: EnvelopeKind, place: EnvelopePlace, secret: Uint8Array): Bytes {
  return hkdf(secret, place.salt, tag(`copconnect ${name}-commit v1`));
}

function bodyKey(
  { name }: EnvelopeKind,
  place: EnvelopePlace,
  secret: Uint8Array,
  use: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  const info = concat(tag(`copconnect ${name}-body v1`), place.bytes);
  const raw = hkdf(secret, place.salt, info);
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
}

function padded(kind: EnvelopeKind, content: Uint8Array): Bytes {
  if (content.length > kind.mostContent) throw new RangeError("the content is too long");
  const { lengthBytes, padding } = kind;
  const size = Math.ceil((lengthBytes + content.length) / padding) * padding;
  const rest = new Uint8Array(size - lengthBytes - content.length);
  return concat(uint(content.length, lengthBytes), content, rest);
}

/**
 * Seal content to checked DeviceKeys of one KEM (S3), at least one. Throws RangeError for too many of
 * them or too much content. `secret`: 32 random bytes that serve this envelope alone.
 */
export async function sealEnvelope(
  kind: EnvelopeKind,
  place: EnvelopePlace,
  content: Uint8Array,
  targets: readonly SealTarget[],
  secret: Uint8Array,
): Promise<Bytes> {
  const [first] = targets;
  if (first === undefined || targets.length > kind.mostSeals)
    throw new RangeError(`sealed to 1 to ${String(kind.mostSeals)} devices`);
  const seals: Bytes[] = [];
  for (const target of targets) {
    if (target.kem !== first.kem) throw new RangeError("one KEM for all seals");
    const keyId = sealKeyIdBytes(target);
    const info = sealInfo(kind, place, keyId);
    const sealed = await hpkeSeal(target.kem, target.publicKey, info, secret, kind.rule);
    seals.push(concat(keyId, sealed));
  }
  seals.sort(compareBytes);
  const key = await bodyKey(kind, place, secret, "encrypt");
  const algorithm = { name: "AES-GCM", iv: NONCE };
  const body = await crypto.subtle.encrypt(algorithm, key, padded(kind, content));
  const writer = new Writer().uint(VERSION, 1).uint(first.kem, 2);
  writer.bytes(commitOf(kind, place, secret), 32).uint(seals.length, 1);
  for (const seal of seals) writer.raw(seal);
  return writer.raw(new Uint8Array(body)).done();
}

/** Exact parse. Throws Refused by the kind's rule. */
export function parseEnvelope(kind: EnvelopeKind, bytes: Uint8Array): SealedEnvelope {
  refuseUnless(bytes.length <= kind.mostBytes, kind.rule, "the envelope is too large");
  const reader = new Reader(bytes, kind.rule);
  reader.require(reader.uint(1) === VERSION, "unknown version");
  const kem = kemField.read(reader, {});
  const commit = reader.take(32);
  const count = reader.uint(1);
  reader.require(count >= 1 && count <= kind.mostSeals, "wrong number of seals");
  const size = ENC_BYTES[kem] + SECRET_BYTES + TAG_BYTES;
  const keyIds: Bytes[] = [];
  const seals: Bytes[] = [];
  for (let at = 0; at < count; at++) {
    keyIds.push(reader.take(KEY_ID_BYTES));
    seals.push(reader.take(size));
  }
  reader.require(areAscending(keyIds), "key ids do not ascend");
  const body = copy(bytes.subarray(reader.at));
  const whole = (body.length - TAG_BYTES) % kind.padding === 0 && body.length > TAG_BYTES;
  reader.require(whole, "the content is not padded");
  return { kem, commit, keyIds: keyIds.map((id) => idOf<SealKeyId>(id)), seals, body };
}

/** The content of an envelope that is sealed to this key. Throws Refused. */
export async function openEnvelope(
  kind: EnvelopeKind,
  envelope: SealedEnvelope,
  place: EnvelopePlace,
  opener: SealOpener,
): Promise<Bytes> {
  const { rule } = kind;
  const at = envelope.keyIds.indexOf(idOf<SealKeyId>(opener.keyId));
  const seal = envelope.seals[at];
  refuseUnless(seal !== undefined && opener.kem === envelope.kem, rule, "sealed to another key");
  return openBody(kind, envelope, place, await openSeal(kind, place, opener, seal as Bytes));
}

/** The secret in a seal: of the envelope, or of a reader for one more device (F3). Throws Refused. */
export function openSeal(
  kind: EnvelopeKind,
  place: EnvelopePlace,
  { kem, keyId, privateKey }: SealOpener,
  seal: Uint8Array,
): Promise<Bytes> {
  return hpkeOpen(kem, privateKey, sealInfo(kind, place, keyId), seal, kind.rule);
}

/** The secret of an opened envelope for one more checked DeviceKey of any KEM (F3): enc ‖ ct. */
export function addSeal(
  kind: EnvelopeKind,
  place: EnvelopePlace,
  secret: Uint8Array,
  target: SealTarget,
): Promise<Bytes> {
  const info = sealInfo(kind, place, sealKeyIdBytes(target));
  return hpkeSeal(target.kem, target.publicKey, info, secret, kind.rule);
}

/** The content under a secret. Throws Refused for another secret than the envelope commits to. */
export async function openBody(
  kind: EnvelopeKind,
  envelope: SealedEnvelope,
  place: EnvelopePlace,
  secret: Uint8Array,
): Promise<Bytes> {
  const { rule } = kind;
  const right = equalBytes(commitOf(kind, place, secret), envelope.commit);
  refuseUnless(right, rule, "the secret is another envelope's");
  const key = await bodyKey(kind, place, secret, "decrypt");
  let content: ArrayBuffer;
  try {
    content = await crypto.subtle.decrypt({ name: "AES-GCM", iv: NONCE }, key, envelope.body);
  } catch (error) {
    throw new Refused(rule, "the content does not open", null, error);
  }
  const reader = new Reader(new Uint8Array(content), rule);
  return copy(reader.take(reader.uint(kind.lengthBytes)));
}
