/**
 * Key packages: making this device's own, and judging those that a commit adds.
 *
 * A key package lives at most 90 days and not longer than the certificate in it. Its private part
 * holds the init and encryption keys only; the device key is kept once, in the vault.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { KeyPackage, PrivateKeyPackage } from "ts-mls";
import { generateKeyPackageWithKey } from "ts-mls";
import { makeKeyPackageRef, verifyKeyPackage } from "ts-mls/keyPackage.js";
import { verifyLeafNodeSignatureKeyPackage } from "ts-mls/leafNode.js";
import { CheckRefused } from "../check-failed.ts";
import { parseCertificate } from "../trust/certificate.ts";
import { LAST_RESORT, capabilitiesFor, type MlsContext } from "./context.ts";
import { credentialOf, judge } from "./credential.ts";
import { decodeKeyPackage, encodeKeyPackage } from "./messages.ts";
import type { ClientIdentity, KeyPackageBundle, RosterView } from "./types.ts";

const LIFETIME_S = 90n * 24n * 3600n;
const TOLERANCE_S = 3600n;
const SECRET_VERSION = 1;

export interface OwnKeyPackage {
  readonly publicPackage: KeyPackage;
  readonly privatePackage: PrivateKeyPackage;
}

function seconds(ms: number): bigint {
  return BigInt(Math.floor(ms / 1000));
}

export async function makeKeyPackage(
  context: MlsContext,
  lastResort: boolean,
): Promise<OwnKeyPackage> {
  const { identity, suite, cs } = context;
  const now = seconds(context.now());
  const expires = seconds(parseCertificate(identity.certificate).notAfterMs);
  const notAfter = now + LIFETIME_S < expires ? now + LIFETIME_S : expires;
  return generateKeyPackageWithKey(
    credentialOf(identity.certificate),
    capabilitiesFor(suite),
    { notBefore: now - TOLERANCE_S, notAfter },
    lastResort ? [{ extensionType: LAST_RESORT, extensionData: new Uint8Array() }] : [],
    { signKey: identity.signaturePrivateKey, publicKey: identity.signaturePublicKey },
    cs,
  );
}

export async function bundleOf(
  own: OwnKeyPackage,
  lastResort: boolean,
  context: MlsContext,
): Promise<KeyPackageBundle> {
  return {
    keyPackage: encodeKeyPackage(own.publicPackage),
    reference: bytesToHex(await makeKeyPackageRef(own.publicPackage, context.cs.hash)),
    secret: encodeSecret(own.privatePackage),
    lastResort,
  };
}

/** version = 1 (1) · length (2) · init private key · length (2) · encryption private key. */
function encodeSecret(keys: PrivateKeyPackage): Uint8Array {
  const { initPrivateKey: init, hpkePrivateKey: hpke } = keys;
  const bytes = new Uint8Array(5 + init.length + hpke.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = SECRET_VERSION;
  view.setUint16(1, init.length);
  bytes.set(init, 3);
  view.setUint16(3 + init.length, hpke.length);
  bytes.set(hpke, 5 + init.length);
  return bytes;
}

/** Copies: a group keeps these keys and zeroes them in time, the bundle stays as it is. */
export function decodeSecret(
  secret: Uint8Array,
  signaturePrivateKey: Uint8Array,
): PrivateKeyPackage {
  const view = new DataView(secret.buffer, secret.byteOffset, secret.byteLength);
  const malformed = new CheckRefused("malformed", "key package secret cannot be read");
  if (secret.length < 5 || secret[0] !== SECRET_VERSION) throw malformed;
  const initLength = view.getUint16(1);
  if (secret.length < 5 + initLength) throw malformed;
  const hpkeLength = view.getUint16(3 + initLength);
  if (secret.length !== 5 + initLength + hpkeLength) throw malformed;
  return {
    initPrivateKey: secret.slice(3, 3 + initLength),
    hpkePrivateKey: secret.slice(5 + initLength),
    signaturePrivateKey,
  };
}

export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  return decodeKeyPackage(bytes);
}

/**
 * Whether a key package may be added at `atMs`: for our suite, in its lifetime, its certificate
 * good then, and named by the roster for this cell. The library checks its two signatures by the
 * leaf's key, which is the certificate's by the check here.
 */
export async function requireAddable(
  keyPackage: KeyPackage,
  cellId: string,
  roster: RosterView,
  atMs: number,
  context: MlsContext,
): Promise<ClientIdentity> {
  if (keyPackage.version !== "mls10" || keyPackage.cipherSuite !== context.suite.name)
    throw new CheckRefused("rule_violated", "key package is for another suite");
  const { leafNode } = keyPackage;
  const { notBefore, notAfter } = leafNode.lifetime;
  const at = seconds(atMs);
  if (at + TOLERANCE_S < notBefore || at > notAfter + TOLERANCE_S)
    throw new CheckRefused("rule_violated", "key package is out of its lifetime");
  if (notAfter - notBefore > LIFETIME_S + 2n * TOLERANCE_S)
    throw new CheckRefused("rule_violated", "key package lives longer than 90 days");
  const identity = await judge(
    context.checker,
    leafNode.credential,
    leafNode.signaturePublicKey,
    atMs,
  );
  requireNamed(identity, cellId, roster);
  return identity;
}

/**
 * The two signatures, and the lifetime by this device's own clock. The library checks them as well,
 * but of all that a commit adds at once, and leaves the failure of one to nobody.
 */
export async function requireValid(keyPackage: KeyPackage, { cs }: MlsContext): Promise<void> {
  const { leafNode } = keyPackage;
  const now = seconds(Date.now());
  if (leafNode.lifetime.notBefore > now || leafNode.lifetime.notAfter < now)
    throw new CheckRefused("rule_violated", "key package is out of its lifetime here");
  const leaf = await verifyLeafNodeSignatureKeyPackage(leafNode, cs.signature);
  if (!leaf || !(await verifyKeyPackage(keyPackage, cs.signature)))
    throw new CheckRefused("rule_violated", "key package is not signed by its device");
}

export function requireNamed(identity: ClientIdentity, cellId: string, roster: RosterView): void {
  if (roster.past !== true && !roster.names(cellId, identity.certificateHash))
    throw new CheckRefused("rule_violated", "the signed roster does not name this client");
}
