/**
 * The MLS credential of a leaf: `x509` with exactly the device's certificate (docs/protocol.md).
 * `identify` reads whom it names without judging; `judge` asks the CredentialChecker.
 */
import type { Credential } from "ts-mls";
import { CheckRefused } from "../check-failed.ts";
import { clientNamedBy, parseCertificate } from "../trust/certificate.ts";
import type { ClientIdentity, CredentialChecker } from "./types.ts";

/** By object: snapshots of one group share their leaves, and are asked for them often. */
const readFrom = new WeakMap<Uint8Array, ClientIdentity>();

export function credentialOf(certificate: Uint8Array): Credential {
  return { credentialType: "x509", certificates: [certificate] };
}

export function certificateIn(credential: Credential): Uint8Array {
  if (credential.credentialType !== "x509" || !("certificates" in credential))
    throw new CheckRefused("credential_refused", "credential is not x509");
  const [certificate, ...more] = credential.certificates;
  if (certificate === undefined || more.length > 0)
    throw new CheckRefused("credential_refused", "credential must hold exactly one certificate");
  return certificate;
}

export function identify(credential: Credential): ClientIdentity {
  const certificate = certificateIn(credential);
  const known = readFrom.get(certificate);
  if (known !== undefined) return known;
  const identity = clientNamedBy(parseCertificate(certificate));
  readFrom.set(certificate, identity);
  return identity;
}

/** Chain, role, key; and validity and revocation at `atMs`. Anything thrown becomes a refusal. */
export async function judge(
  checker: CredentialChecker,
  credential: Credential,
  signaturePublicKey: Uint8Array,
  atMs: number | "any",
): Promise<ClientIdentity> {
  const certificate = certificateIn(credential);
  try {
    return await checker.checkClient(certificate, signaturePublicKey, atMs);
  } catch (error) {
    if (error instanceof CheckRefused) throw error;
    throw new CheckRefused("credential_refused", "credential was refused", null, error);
  }
}

export function sameClient(a: ClientIdentity, b: ClientIdentity): boolean {
  return a.personId === b.personId && a.clientId === b.clientId;
}
