/**
 * X.509 certificates as this project uses them (docs/protocol.md, "Certificates"): Ed25519 keys and
 * signatures only, no trailing bytes, no critical extension that we do not judge. Parsing says what
 * a certificate claims; nothing here says that it is true (see issuers.ts and device-certificate.ts).
 * What is malformed is refused by E0. Pure.
 */
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  KeyUsage,
  SubjectAlternativeName,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  type AlgorithmIdentifier,
  type Name,
} from "@peculiar/asn1-x509";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { Refused } from "../keys/refused.ts";

const ED25519_OID = "1.3.101.112";

export interface ParsedCertificate {
  readonly der: Uint8Array;
  /** SHA-256 of the DER, hex. */
  readonly hash: string;
  /** Serial number, hex, as encoded. */
  readonly serial: string;
  /** DER of the names, hex: compared byte for byte. */
  readonly issuer: string;
  readonly subject: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly publicKey: Uint8Array;
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
  readonly authority: boolean;
  readonly pathLength: number | null;
  /** Names of key usages ("digitalSignature", "keyCertSign", …), null if not limited. */
  readonly keyUsage: readonly string[] | null;
  readonly extendedKeyUsage: readonly string[] | null;
  /** The URIs of subjectAltName; every other kind of name there is refused. */
  readonly uris: readonly string[];
}

/** Whom a device certificate names. */
export interface ClientIdentity {
  readonly personId: string;
  readonly clientId: string;
}

function malformed(message: string, cause?: unknown): Refused {
  return new Refused("E0", message, null, cause);
}

/** DER header length plus content length, or -1: to refuse trailing bytes. */
export function derLength(der: Uint8Array): number {
  const first = der[1];
  if (first === undefined) return -1;
  if (first < 0x80) return 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 3) return -1;
  let length = 0;
  for (let i = 0; i < octets; i++) {
    const octet = der[2 + i];
    if (octet === undefined) return -1;
    length = length * 256 + octet;
  }
  return 2 + octets + length;
}

export function requireEd25519(algorithm: AlgorithmIdentifier): void {
  const parameters: ArrayBuffer | null | undefined = algorithm.parameters;
  if (algorithm.algorithm !== ED25519_OID || (parameters ?? null) !== null)
    throw malformed("only Ed25519 is accepted");
}

export function nameKey(name: Name): string {
  return bytesToHex(new Uint8Array(AsnConvert.serialize(name)));
}

/** Parsing costs 0.3 ms on a laptop, and the same certificates are asked about again and again. */
const REMEMBERED = 20_000;
const parsed = new Map<string, ParsedCertificate>();

export function parseCertificate(der: Uint8Array): ParsedCertificate {
  const hash = bytesToHex(sha256(der));
  const known = parsed.get(hash);
  if (known !== undefined) return known;
  const certificate = parse(der);
  if (parsed.size >= REMEMBERED) parsed.clear();
  parsed.set(hash, certificate);
  return certificate;
}

function parse(der: Uint8Array): ParsedCertificate {
  if (derLength(der) !== der.length)
    throw malformed("certificate is truncated or has trailing bytes");
  try {
    return read(der);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw malformed("certificate cannot be parsed", error);
  }
}

function read(der: Uint8Array): ParsedCertificate {
  const certificate = AsnConvert.parse(der, Certificate);
  const tbs = certificate.tbsCertificate;
  if (certificate.tbsCertificateRaw === undefined) throw malformed("certificate has no content");
  requireEd25519(tbs.signature);
  requireEd25519(certificate.signatureAlgorithm);
  requireEd25519(tbs.subjectPublicKeyInfo.algorithm);

  let authority = false;
  let pathLength: number | null = null;
  let keyUsage: readonly string[] | null = null;
  let extendedKeyUsage: readonly string[] | null = null;
  let uris: readonly string[] = [];
  const seen = new Set<string>();
  for (const extension of tbs.extensions ?? []) {
    if (seen.has(extension.extnID)) throw malformed("certificate repeats an extension");
    seen.add(extension.extnID);
    const value = extension.extnValue.buffer;
    switch (extension.extnID) {
      case id_ce_basicConstraints: {
        const constraints = AsnConvert.parse(value, BasicConstraints);
        authority = constraints.cA;
        pathLength = constraints.pathLenConstraint ?? null;
        break;
      }
      case id_ce_keyUsage:
        keyUsage = AsnConvert.parse(value, KeyUsage).toJSON();
        break;
      case id_ce_extKeyUsage:
        extendedKeyUsage = [...AsnConvert.parse(value, ExtendedKeyUsage)];
        break;
      case id_ce_subjectAltName:
        uris = AsnConvert.parse(value, SubjectAlternativeName).map((name) => {
          if (name.uniformResourceIdentifier === undefined)
            throw malformed("subjectAltName holds something other than a URI");
          return name.uniformResourceIdentifier;
        });
        break;
      default:
        if (extension.critical) throw malformed("certificate has an unknown critical extension");
    }
  }

  const publicKey = new Uint8Array(tbs.subjectPublicKeyInfo.subjectPublicKey);
  const signature = new Uint8Array(certificate.signatureValue);
  if (publicKey.length !== 32 || signature.length !== 64)
    throw malformed("key or signature has the wrong length");
  const own = der.slice();
  return {
    der: own,
    hash: bytesToHex(sha256(own)),
    serial: bytesToHex(new Uint8Array(tbs.serialNumber)),
    issuer: nameKey(tbs.issuer),
    subject: nameKey(tbs.subject),
    notBeforeMs: tbs.validity.notBefore.getTime().getTime(),
    notAfterMs: tbs.validity.notAfter.getTime().getTime(),
    publicKey,
    toBeSigned: new Uint8Array(certificate.tbsCertificateRaw),
    signature,
    authority,
    pathLength,
    keyUsage,
    extendedKeyUsage,
    uris,
  };
}

// --- Roles: from the URI in subjectAltName, never from the subject -------------------------------

export const ROSTER_AUTHORITY_URI = "urn:copconnect:roster-authority";
const CLIENT_URI = /^urn:copconnect:client:([0-9a-f]{32}):([0-9a-f]{32})$/u;

/** Whom a device certificate names. Refuses any other role. Verifies no signature. */
export function clientNamedBy(certificate: ParsedCertificate): ClientIdentity {
  const [uri, ...more] = certificate.uris;
  const match = uri === undefined || more.length > 0 ? null : CLIENT_URI.exec(uri);
  const [, personId, clientId] = match ?? [];
  if (personId === undefined || clientId === undefined)
    throw malformed("not the certificate of a client");
  return { personId, clientId };
}
