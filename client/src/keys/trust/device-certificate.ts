/**
 * A device's certificate as docs/keys.md needs it: which device it certifies, by which issuing CA, when.
 * `device` is H(T("copconnect device v1") ‖ person ‖ client ‖ public key), so it survives renewals
 * and binds the key: a record by a device verifies under any of its certificates.
 */
import { fromHex, toHex, type Bytes } from "../../octets.ts";
import { hash, tag } from "../format/hashing.ts";
import { idOf, type ClientId, type DeviceId, type PersonId } from "../../ids.ts";
import { Refused, refuseUnless } from "../format/refused.ts";
import { requireKeyPoint, verifySignature } from "../format/signature.ts";
import { clientNamedBy, parseCertificate, type ParsedCertificate } from "./certificate.ts";

/** DER of a SubjectPublicKeyInfo for Ed25519 up to the 32-byte key (RFC 8410 section 4). */
const SPKI_PREFIX = fromHex("302a300506032b6570032100");

export interface Certificate {
  readonly device: DeviceId;
  readonly deviceBytes: Bytes;
  readonly person: PersonId;
  readonly personBytes: Bytes;
  readonly publicKey: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  /** H(SPKI) of the issuing CA, hex. */
  readonly issuer: string;
  readonly der: Uint8Array;
}

/** H(SPKI) of a raw Ed25519 public key. */
export function spkiHash(publicKey: Uint8Array): Bytes {
  return hash(SPKI_PREFIX, publicKey);
}

export function deviceIdBytes(
  person: Uint8Array,
  client: Uint8Array,
  publicKey: Uint8Array,
): Bytes {
  return hash(tag("copconnect device v1"), person, client, publicKey);
}

/** Read a certificate that one of these issuing CAs (raw public keys) signed. Refuses by E0. */
export async function readCertificate(
  der: Uint8Array,
  issuingKeys: readonly Uint8Array[],
): Promise<Certificate> {
  const { parsed, personId, clientId } = parseDevice(der);
  requireKeyPoint(parsed.publicKey, "E0");
  const personBytes = fromHex(personId);
  const deviceBytes = deviceIdBytes(personBytes, fromHex(clientId), parsed.publicKey);
  for (const key of issuingKeys) {
    if (!(await verifySignature(key, parsed.toBeSigned, parsed.signature))) continue;
    return {
      device: idOf(deviceBytes),
      deviceBytes,
      person: personId,
      personBytes,
      publicKey: parsed.publicKey,
      notBefore: parsed.notBeforeMs,
      notAfter: parsed.notAfterMs,
      issuer: toHex(spkiHash(key)),
      der: parsed.der,
    };
  }
  throw new Refused("E0", "certificate is not of this department");
}

function parseDevice(der: Uint8Array): {
  readonly parsed: ParsedCertificate;
  readonly personId: PersonId;
  readonly clientId: ClientId;
} {
  const parsed = parseCertificate(der);
  const signs = parsed.keyUsage?.includes("digitalSignature") ?? true;
  refuseUnless(signs && !parsed.authority, "E0", "not a device's certificate");
  return { parsed, ...clientNamedBy(parsed) };
}
