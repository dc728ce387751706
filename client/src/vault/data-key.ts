/**
 * The data key, how it rests and how it is unlocked.
 *
 * Every record is encrypted under one random 256-bit data key. At rest that key is wrapped by the
 * device key, a WebCrypto key that no script can read out. With a PIN or a passphrase it is wrapped
 * twice: by Argon2id of it inside, by the device key outside. The browser keeps the device key in
 * plain on the disk, so that a copied profile lets a PIN be guessed, without counted tries: only
 * Argon2id slows that down (docs/threat-model.md says by how much). The raw key exists only while it
 * is being wrapped; in use it is a non-extractable CryptoKey.
 *
 * Invariant: a try is counted in the database *before* the PIN is checked, so that killing the app
 * gains no extra try. After {@link MAX_TRIES} wrong PINs the caller must wipe.
 */
import { concat, randomBytes, toHex, utf8, type Bytes } from "../octets.ts";

export const MAX_TRIES = 10;
/** Delay before the try with this number (0-based); a minute and more from the seventh on. */
const DELAYS_MS = [0, 0, 0, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000];

/** An unlock takes about so long on the device that set the PIN. */
export const UNLOCK_MS = 1_000;
const MEMORY_KIB = 32 * 1024;
const PASSES = { fewest: 2, most: 64 } as const;

/** The cost of Argon2id, kept beside the wrapped key. */
export interface PinCost {
  readonly memoryKiB: number;
  readonly passes: number;
}

export interface PinRecord extends PinCost {
  readonly salt: Bytes;
  /** It is a passphrase: the lock screen shows a field for text. */
  readonly passphrase: boolean;
  /** Tries since the last right one, counted before each check. */
  readonly tries: number;
  readonly nextTryMs: number;
}

export interface KeyRecord {
  readonly deviceKey: CryptoKey;
  /** device-wrapped (pin-wrapped?) data key. */
  readonly wrapped: Bytes;
  readonly pin: PinRecord | null;
  /** Names the unlock that lasts, with a PIN; handed-over keys are good for no other. */
  readonly session: string | null;
}

/** The keys in use while the vault is open. */
export interface OpenKeys {
  /** AES-256-GCM over records. */
  readonly data: CryptoKey;
  /** HMAC-SHA-256 that turns names into opaque record keys. */
  readonly names: CryptoKey;
}

const IV = 12;

async function seal(key: CryptoKey, plaintext: Bytes, label: string): Promise<Bytes> {
  const iv = randomBytes(IV);
  const parameters = { name: "AES-GCM", iv, additionalData: utf8(label) };
  return concat(iv, new Uint8Array(await crypto.subtle.encrypt(parameters, key, plaintext)));
}

async function open(key: CryptoKey, sealed: Bytes, label: string): Promise<Bytes> {
  const parameters = {
    name: "AES-GCM",
    iv: sealed.slice(0, IV),
    additionalData: utf8(label),
  };
  return new Uint8Array(await crypto.subtle.decrypt(parameters, key, sealed.slice(IV)));
}

/** 32 bytes of a PIN or passphrase, at a cost. */
export async function derive(
  pin: string,
  salt: Bytes,
  { memoryKiB, passes }: PinCost,
): Promise<Uint8Array> {
  const { argon2id } = await import("./argon2.ts");
  return argon2id({
    ...{ password: pin.normalize("NFKC"), salt, parallelism: 1, hashLength: 32 },
    ...{ iterations: passes, memorySize: memoryKiB, outputType: "binary" },
  });
}

/** The cost at which an unlock takes about so long on this device, measured now. */
export async function measuredCost(
  unlockMs: number,
  now = (): number => performance.now(),
): Promise<PinCost> {
  const one = { memoryKiB: MEMORY_KIB, passes: 1 };
  const salt = randomBytes(16);
  // The first run also fetches the code and makes it ready.
  await derive("measured", salt, one);
  const begun = now();
  await derive("measured", salt, one);
  const passes = Math.round(unlockMs / Math.max(1, now() - begun));
  const bounded = Math.min(PASSES.most, Math.max(PASSES.fewest, passes));
  return { memoryKiB: MEMORY_KIB, passes: bounded };
}

async function pinKey(pin: string, record: PinRecord): Promise<CryptoKey> {
  const raw = await derive(pin, record.salt, record);
  const key = await importAes(new Uint8Array(raw));
  raw.fill(0);
  return key;
}

async function importAes(raw: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
}

async function openKeys(raw: Bytes): Promise<OpenKeys> {
  const base = await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveKey"]);
  const derive = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array() };
  const data = await crypto.subtle.deriveKey(
    { ...derive, info: utf8("copconnect vault records v1") },
    base,
    { name: "AES-GCM", length: 256 },
    false,
    ["encrypt", "decrypt"],
  );
  const names = await crypto.subtle.deriveKey(
    { ...derive, info: utf8("copconnect vault names v1") },
    base,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
  raw.fill(0);
  return { data, names };
}

/** A device key for the host to keep. */
export function newDeviceKey(): Promise<CryptoKey> {
  const algorithm = { name: "AES-GCM", length: 256 };
  return crypto.subtle.generateKey(algorithm, false, ["encrypt", "decrypt"]);
}

/** Make a new data key without a PIN. */
export async function createKey(deviceKey: CryptoKey): Promise<KeyRecord> {
  const raw = randomBytes(32);
  const wrapped = await seal(deviceKey, raw, "device");
  raw.fill(0);
  return { deviceKey, wrapped, pin: null, session: null };
}

/** Unwrap the raw data key. Null when the PIN is wrong. Throws for a damaged record. */
async function unwrap(record: KeyRecord, pin: string | null): Promise<Bytes | null> {
  const inner = await open(record.deviceKey, record.wrapped, "device");
  if (record.pin === null) return inner;
  if (pin === null) return null;
  const key = await pinKey(pin, record.pin);
  try {
    return await open(key, inner, "pin");
  } catch {
    return null;
  }
}

export async function unlockKey(record: KeyRecord, pin: string | null): Promise<OpenKeys | null> {
  const raw = await unwrap(record, pin);
  return raw === null ? null : openKeys(raw);
}

export interface NewPin {
  readonly text: string;
  readonly passphrase: boolean;
  readonly cost: PinCost;
}

/**
 * The seed of the key by which the PIN proves that its person is there (A4). It follows from the raw
 * data key, which only the PIN unwraps: no key that is in use while the vault is open leads to it, and
 * it stays the same under another PIN. Null when the PIN is wrong.
 */
export async function personSeedOf(record: KeyRecord, pin: string): Promise<Bytes | null> {
  const raw = await unwrap(record, pin);
  if (raw === null) return null;
  const base = await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveBits"]);
  raw.fill(0);
  const info = utf8("copconnect vault person v1");
  const derive = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  return new Uint8Array(await crypto.subtle.deriveBits(derive, base, 256));
}

/**
 * The record with another PIN, or none; the session lasts. Null when `currentPin` is wrong.
 */
export async function rewrapKey(
  record: KeyRecord,
  currentPin: string | null,
  newPin: NewPin | null,
): Promise<KeyRecord | null> {
  const raw = await unwrap(record, currentPin);
  if (raw === null) return null;
  let inner = raw;
  let pin: PinRecord | null = null;
  if (newPin !== null) {
    const { cost, passphrase, text } = newPin;
    pin = { salt: randomBytes(16), ...cost, passphrase, tries: 0, nextTryMs: 0 };
    inner = await seal(await pinKey(text, pin), raw, "pin");
  }
  const wrapped = await seal(record.deviceKey, inner, "device");
  raw.fill(0);
  const session = pin === null ? null : (record.session ?? toHex(randomBytes(16)));
  return { deviceKey: record.deviceKey, wrapped, pin, session };
}

/** The record after counting one more try. */
export function countTry(record: KeyRecord, pin: PinRecord, now: number): KeyRecord {
  const tries = pin.tries + 1;
  const delay = DELAYS_MS[Math.min(tries, DELAYS_MS.length - 1)] as number;
  return { ...record, pin: { ...pin, tries, nextTryMs: now + delay } };
}

/** How long to wait before the next try. A clock set back does not shorten the wait. */
export function waitMs(pin: PinRecord, now: number): number {
  const delay = DELAYS_MS[Math.min(pin.tries, DELAYS_MS.length - 1)] as number;
  return Math.max(0, Math.min(pin.nextTryMs - now, delay));
}
