/**
 * HPKE base mode (RFC 9180) with the two KEMs of the cell format, HKDF-SHA256 and AES-256-GCM; and
 * a cell's key pair from the MLS exporter. Runs in Node and in browsers.
 */
import { Aes256Gcm, type CipherSuite } from "@hpke/core";
import { x25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { hpkeSuite } from "../hpke/suite.ts";
import { XWing } from "../hpke/x-wing.ts";
import { concat, copy, fromHex, type Bytes } from "../octets.ts";
import { X25519, XWING, kemBytes, type KemId } from "./format.ts";
import { CellRefused } from "./refused.ts";

export const EXPORTER_LABEL = "cell broadcast key";
export const SEED_BYTES = 32;

/** MLS cipher suites and the KEM of their conversations' cell keys: equally strong. */
const KEM_OF_SUITE: ReadonlyMap<number, KemId> = new Map([
  [1, X25519],
  [83, XWING],
]);

/** The KEM that a conversation of this MLS cipher suite seals with. */
export function kemOfSuite(suite: number): KemId {
  const kem = KEM_OF_SUITE.get(suite);
  if (kem === undefined) throw new CellRefused("wrong_kem", `suite ${String(suite)} has no KEM`);
  return kem;
}

/** seed = MLS-Exporter(EXPORTER_LABEL, this, SEED_BYTES). */
export function exporterContext(kem: KemId, conversationId: string): Bytes {
  return concat(Uint8Array.of(kem >> 8, kem & 0xff), fromHex(conversationId));
}

const SUITES: ReadonlyMap<KemId, CipherSuite> = new Map([
  [X25519, hpkeSuite("x25519", sha256, new Aes256Gcm())],
  [XWING, hpkeSuite("x-wing", sha256, new Aes256Gcm())],
]);

const xwing = new XWing();

function suiteOf(kem: KemId): CipherSuite {
  return SUITES.get(kem) as CipherSuite;
}

/** The public key of a cell's seed: every member derives the same. */
export async function publicKeyOf(kem: KemId, seed: Uint8Array): Promise<Bytes> {
  if (kem === X25519) return copy(x25519.getPublicKey(seed));
  const { publicKey } = await xwing.generateKeyPairDerand(copy(seed));
  return new Uint8Array(await xwing.serializePublicKey(publicKey));
}

/**
 * enc ‖ ciphertext of `key` for whoever holds the seed of `publicKey`. `ephemeral` is HPKE's key
 * material for tests (32 bytes for DeriveKeyPair of X25519, 64 for X-Wing's encapsulation).
 */
export async function hpkeSeal(
  kem: KemId,
  publicKey: Uint8Array,
  info: Uint8Array,
  key: Uint8Array,
  ephemeral?: Uint8Array,
): Promise<Bytes> {
  const suite = suiteOf(kem);
  const recipientPublicKey = await suite.kem.importKey("raw", copy(publicKey).buffer, true);
  const ekm = ephemeral === undefined ? {} : { ekm: ephemeral };
  const { enc, ct } = await suite.seal({ recipientPublicKey, info, ...ekm }, key);
  return concat(new Uint8Array(enc), new Uint8Array(ct));
}

/** What was sealed, for the holder of the seed. Refuses with `seal_broken`. */
export async function hpkeOpen(
  kem: KemId,
  seed: Uint8Array,
  info: Uint8Array,
  sealed: Uint8Array,
): Promise<Bytes> {
  const suite = suiteOf(kem);
  const split = kemBytes(kem).enc;
  try {
    const recipientKey = await suite.kem.importKey("raw", copy(seed).buffer, false);
    const enc = copy(sealed.subarray(0, split));
    return new Uint8Array(await suite.open({ recipientKey, enc, info }, sealed.subarray(split)));
  } catch (error) {
    throw new CellRefused("seal_broken", "the seal does not open", error);
  }
}
