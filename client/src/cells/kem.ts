/**
 * HPKE base mode (RFC 9180) with the two KEMs of the cell format, HKDF-SHA256 and AES-256-GCM; and
 * a cell's key pair from the MLS exporter. Runs in Node and in browsers.
 *
 * The key schedule runs on @noble/hashes, not WebCrypto: it is a dozen short hashes for each seal,
 * and a thread hop costs more than a hash (a third less time for a message to 247 cells).
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { XWing } from "@hpke/hybridkem-x-wing";
import { x25519 } from "@noble/curves/ed25519.js";
import { expand, extract } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
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

type Input = ArrayBufferLike | ArrayBufferView;

function view(input: Input): Uint8Array {
  return ArrayBuffer.isView(input)
    ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
    : new Uint8Array(input);
}

/** The library's KDF, with its two hashes done here and now. */
class ImmediateHkdf extends HkdfSha256 {
  override extract(salt: Input, ikm: Input): Promise<ArrayBuffer> {
    return Promise.resolve(copy(extract(sha256, view(ikm), view(salt))).buffer);
  }

  override expand(prk: Input, info: Input, length: number): Promise<ArrayBuffer> {
    return Promise.resolve(copy(expand(sha256, view(prk), view(info), length)).buffer);
  }

  override async extractAndExpand(
    salt: Input,
    ikm: Input,
    info: Input,
    length: number,
  ): Promise<ArrayBuffer> {
    return this.expand(await this.extract(salt, ikm), info, length);
  }
}

/** DER of a PKCS #8 PrivateKeyInfo for X25519 up to the 32-byte key (RFC 8410 section 7). */
const PKCS8_PREFIX = fromHex("302e020100300506032b656e04220420");

/** The library multiplies each ephemeral key twice; importing costs as much as that. */
const imported = new WeakMap<Uint8Array, Promise<CryptoKey>>();

function privateX25519(bytes: Uint8Array): Promise<CryptoKey> {
  let key = imported.get(bytes);
  if (key === undefined) {
    const pkcs8 = concat(PKCS8_PREFIX, bytes);
    key = crypto.subtle.importKey("pkcs8", pkcs8, "X25519", false, ["deriveBits"]);
    imported.set(bytes, key);
  }
  return key;
}

async function nativeX25519(secret: Uint8Array, point: Uint8Array): Promise<Uint8Array> {
  const key = await privateX25519(secret);
  const other = await crypto.subtle.importKey("raw", copy(point), "X25519", false, []);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "X25519", public: other }, key, 256),
  );
}

/** The library's X-Wing with WebCrypto's X25519 where it has it: a third of the time for a seal. */
class NativeXWing extends XWing {
  constructor() {
    super();
    const library = this._x25519.derive.bind(this._x25519);
    this._x25519.derive = (secret, point) =>
      nativeX25519(secret, point).catch((error: unknown) => {
        if (error instanceof DOMException && error.name === "NotSupportedError")
          return library(secret, point);
        throw error;
      });
  }
}

const xwing = new NativeXWing();
const SUITES: ReadonlyMap<KemId, CipherSuite> = new Map(
  ([new DhkemX25519HkdfSha256(), xwing] as const).map((kem) => [
    kem.id as number as KemId,
    new CipherSuite({ kem, kdf: new ImmediateHkdf(), aead: new Aes256Gcm() }),
  ]),
);

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
