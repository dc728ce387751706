/**
 * KeyShare (docs/keys.md): secrets that a device passes on to one that is entitled to them.
 * Unsigned: it does not matter who helps, because the recipient checks each secret against its
 * commitment (H6). Whether a holder may pass a secret on is judged in share-rules.ts.
 *
 * Convention: H1 refuses a share that its recipient cannot read.
 */
import { concat, equalBytes, toHex, type Bytes, compareBytes } from "../octets.ts";
import { requireCellSecret, type CellKey } from "./cell-key.ts";
import type { SealOpener } from "./committed.ts";
import { requireConversationSecret, type ConversationKey } from "./conversation-key.ts";
import { KEY_ID_BYTES, sealKeyIdBytes, type SealTarget } from "./device-key.ts";
import { Reader, Writer, areAscending } from "./format/fields.ts";
import { tag } from "./format/hashing.ts";
import { ENC_BYTES, SECRET_BYTES, TAG_BYTES, hpkeOpen, hpkeSeal, type Kem } from "./hpke.ts";
import { requireBodyKey, type Header } from "./message.ts";
import { Refused, refuseUnless } from "./format/refused.ts";
import { SHARE_SECRETS } from "../limits.ts";

const VERSION = 1;
export const KIND_CONVERSATION_KEY = 1;
export const KIND_CELL_KEY = 2;
export const KIND_BODY_KEY = 3;

/** kind (1) ‖ start of the key id, cell key id or message id (16), in hex. */
export type ShareName = string & { readonly shareName: never };

/** The record that a shared secret belongs to. */
export type Shareable =
  | { readonly kind: typeof KIND_CONVERSATION_KEY; readonly record: ConversationKey }
  | { readonly kind: typeof KIND_CELL_KEY; readonly record: CellKey }
  | { readonly kind: typeof KIND_BODY_KEY; readonly record: Header };

export interface KeyShare {
  readonly conversation: Bytes;
  /** Key id of the recipient's DeviceKey. */
  readonly recipient: Bytes;
  /** kind (1) ‖ reference (16), ascending. */
  readonly names: readonly Bytes[];
  /** enc ‖ ct. */
  readonly sealed: Bytes;
  readonly bytes: Bytes;
}

function referenceOf(one: Shareable): Uint8Array {
  if (one.kind === KIND_CELL_KEY) return sealKeyIdBytes(one.record);
  if (one.kind === KIND_BODY_KEY) return one.record.message;
  return one.record.hash.subarray(0, KEY_ID_BYTES);
}

function nameBytes(one: Shareable): Bytes {
  return concat(Uint8Array.of(one.kind), referenceOf(one));
}

export function shareName(one: Shareable): ShareName {
  return toHex(nameBytes(one)) as ShareName;
}

/** The names that a share holds, to find out what to check its secrets against. */
export function shareNames(share: KeyShare): readonly ShareName[] {
  return share.names.map((name) => toHex(name) as ShareName);
}

/** All before enc. */
function encodeOpening(
  conversation: Uint8Array,
  recipient: Uint8Array,
  names: readonly Uint8Array[],
): Bytes {
  const writer = new Writer().uint(VERSION, 1).bytes(conversation, 16);
  writer.bytes(recipient, KEY_ID_BYTES).uint(names.length, 2);
  for (const name of names) writer.bytes(name, 1 + KEY_ID_BYTES);
  return writer.done();
}

function shareInfo(opening: Uint8Array): Bytes {
  return concat(tag("copconnect key-share v1"), opening);
}

export function parseKeyShare(kem: Kem, bytes: Uint8Array): KeyShare {
  const reader = new Reader(bytes, "H1");
  reader.require(reader.uint(1) === VERSION, "unknown version");
  const conversation = reader.take(16);
  const recipient = reader.take(KEY_ID_BYTES);
  const count = reader.uint(2);
  reader.require(count >= 1 && count <= SHARE_SECRETS, "wrong number of secrets");
  const names = Array.from({ length: count }, () => reader.take(1 + KEY_ID_BYTES));
  reader.require(areAscending(names), "names do not ascend");
  const known = names.every(([kind = 0]) => kind >= 1 && kind <= KIND_BODY_KEY);
  reader.require(known, "unknown kind");
  const sealed = reader.take(ENC_BYTES[kem] + SECRET_BYTES * count + TAG_BYTES);
  reader.end();
  return { conversation, recipient, names, sealed, bytes: reader.slice(0, reader.at) };
}

export interface SharedSecret {
  readonly of: Shareable;
  readonly secret: Uint8Array;
}

/** Throws RangeError unless there are 1 to 512 secrets, each once. H2 refuses an invalid key. */
export async function makeKeyShare(
  conversation: Uint8Array,
  target: SealTarget,
  secrets: readonly SharedSecret[],
): Promise<Bytes> {
  const named = secrets
    .map(({ of, secret }) => ({ name: nameBytes(of), secret }))
    .sort((a, b) => compareBytes(a.name, b.name));
  const names = named.map(({ name }) => name);
  if (names.length < 1 || names.length > SHARE_SECRETS || !areAscending(names))
    throw new RangeError("a share holds 1 to 512 secrets, each once");
  const opening = encodeOpening(conversation, sealKeyIdBytes(target), names);
  const joined = concat(...named.map(({ secret }) => secret));
  const info = shareInfo(opening);
  return concat(opening, await hpkeSeal(target.kem, target.publicKey, info, joined, "H2"));
}

/** The secrets by name. Each is still to be checked: {@link requireShared} (H6). */
export async function openKeyShare(
  share: KeyShare,
  opener: SealOpener,
): Promise<ReadonlyMap<ShareName, Bytes>> {
  const addressed = equalBytes(share.recipient, opener.keyId);
  refuseUnless(addressed, "H1", "share is for another device key");
  const info = shareInfo(encodeOpening(share.conversation, share.recipient, share.names));
  const joined = await hpkeOpen(opener.kem, opener.privateKey, info, share.sealed, "H1");
  const secrets = shareNames(share).map((name, at) => {
    const secret = joined.slice(SECRET_BYTES * at, SECRET_BYTES * (at + 1));
    return [name, secret] as const;
  });
  return new Map(secrets);
}

/** Check a shared secret against the commitment of what it belongs to. */
export async function requireShared(one: Shareable, secret: Uint8Array): Promise<void> {
  if (one.kind === KIND_CELL_KEY) await requireCellSecret(one.record, secret);
  else if (one.kind === KIND_BODY_KEY) requireBodyKey(one.record, secret);
  else requireConversationSecret(one.record, secret);
}

export interface KeptSecrets {
  readonly kept: readonly SharedSecret[];
  readonly refused: readonly Refused[];
}

/** H6: keep the secrets that match. Names of records that the device does not hold are left out. */
export async function keepMatching(
  secrets: ReadonlyMap<ShareName, Bytes>,
  records: readonly Shareable[],
): Promise<KeptSecrets> {
  const kept: SharedSecret[] = [];
  const refused: Refused[] = [];
  for (const of of records) {
    const secret = secrets.get(shareName(of));
    if (secret === undefined) continue;
    try {
      await requireShared(of, secret);
      kept.push({ of, secret });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused.push(error);
    }
  }
  return { kept, refused };
}
