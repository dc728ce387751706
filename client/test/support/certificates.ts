/**
 * X.509 certificates for tests, with real keys and real signatures: root, issuing CA, roster
 * authority and devices, as docs/protocol.md says and as the server makes them. Options make the
 * wrong ones that tests of refusals need.
 */
import type { ClientId, PersonId } from "#core/ids.ts";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_kp_clientAuth,
} from "@peculiar/asn1-x509";
import { ed25519 } from "@noble/curves/ed25519.js";
import { copy, randomBytes } from "#core/octets.ts";

const ED25519 = "1.3.101.112";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

export interface KeyPair {
  readonly privateKey: Uint8Array;
  readonly publicKey: Uint8Array;
}

export function newKeyPair(): KeyPair {
  const privateKey = randomBytes(32);
  return { privateKey, publicKey: ed25519.getPublicKey(privateKey) };
}

function algorithm(): AlgorithmIdentifier {
  return new AlgorithmIdentifier({ algorithm: ED25519 });
}

function named(commonName: string): Name {
  return new Name([
    new RelativeDistinguishedName([
      new AttributeTypeAndValue({
        type: "2.5.4.3",
        value: new AttributeValue({ utf8String: commonName }),
      }),
    ]),
  ]);
}

function extension(extnID: string, critical: boolean, value: unknown): Extension {
  return new Extension({
    extnID,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  });
}

interface Issue {
  readonly subject: string;
  readonly issuer: string;
  readonly signer: KeyPair;
  readonly publicKey: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly authority: boolean;
  readonly pathLength?: number;
  readonly usage: number;
  readonly clientAuth?: boolean;
  readonly uris?: readonly string[];
  readonly more?: readonly Extension[];
}

export function issueCertificate(issue: Issue): Uint8Array {
  const constraints = new BasicConstraints({ cA: issue.authority });
  if (issue.pathLength !== undefined) constraints.pathLenConstraint = issue.pathLength;
  const serial = randomBytes(16);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  const tbs = new TBSCertificate({
    version: 2,
    serialNumber: serial.buffer,
    signature: algorithm(),
    issuer: named(issue.issuer),
    validity: new Validity({
      notBefore: new Date(issue.notBeforeMs),
      notAfter: new Date(issue.notAfterMs),
    }),
    subject: named(issue.subject),
    subjectPublicKeyInfo: new SubjectPublicKeyInfo({
      algorithm: algorithm(),
      subjectPublicKey: copy(issue.publicKey).buffer,
    }),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, true, constraints),
      extension(id_ce_keyUsage, true, new KeyUsage(issue.usage)),
      ...(issue.clientAuth === true
        ? [extension(id_ce_extKeyUsage, false, new ExtendedKeyUsage([id_kp_clientAuth]))]
        : []),
      ...(issue.uris === undefined
        ? []
        : [
            extension(
              id_ce_subjectAltName,
              false,
              new SubjectAlternativeName(
                issue.uris.map((uri) => new GeneralName({ uniformResourceIdentifier: uri })),
              ),
            ),
          ]),
      ...(issue.more ?? []),
    ]),
  });
  const toBeSigned = new Uint8Array(AsnConvert.serialize(tbs));
  const signature = ed25519.sign(toBeSigned, issue.signer.privateKey);
  return new Uint8Array(
    AsnConvert.serialize(
      new Certificate({
        tbsCertificate: tbs,
        signatureAlgorithm: algorithm(),
        signatureValue: copy(signature).buffer,
      }),
    ),
  );
}

export interface CertificateAuthority {
  readonly name: string;
  readonly keys: KeyPair;
  readonly certificate: Uint8Array;
}

/** The offline root. */
export function rootAuthority(nowMs: number): CertificateAuthority {
  const keys = newKeyPair();
  const name = "Test Root CA";
  const certificate = issueCertificate({
    ...{ signer: keys, issuer: name, subject: name, publicKey: keys.publicKey },
    ...{ notBeforeMs: nowMs - HOUR, notAfterMs: nowMs + 20 * YEAR },
    ...{ authority: true, pathLength: 1 },
    usage: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
  });
  return { name, keys, certificate };
}

export function issuingAuthority(
  root: CertificateAuthority,
  number: number,
  nowMs: number,
): CertificateAuthority {
  const keys = newKeyPair();
  const name = `Test Issuing CA ${String(number)}`;
  const certificate = issueCertificate({
    ...{ signer: root.keys, issuer: root.name, subject: name, publicKey: keys.publicKey },
    ...{ notBeforeMs: nowMs - HOUR, notAfterMs: nowMs + 10 * YEAR },
    ...{ authority: true, pathLength: 0 },
    usage: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
  });
  return { name, keys, certificate };
}

export function rosterAuthority(root: CertificateAuthority, nowMs: number): CertificateAuthority {
  const keys = newKeyPair();
  const name = "Test Roster Authority";
  const certificate = issueCertificate({
    ...{ signer: root.keys, issuer: root.name, subject: name, publicKey: keys.publicKey },
    ...{ notBeforeMs: nowMs - HOUR, notAfterMs: nowMs + 10 * YEAR },
    ...{ authority: false, usage: KeyUsageFlags.digitalSignature },
    uris: ["urn:copconnect:roster-authority"],
  });
  return { name, keys, certificate };
}

export interface DeviceOptions {
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly uris?: readonly string[];
  readonly clientAuth?: boolean;
}

/** A device's certificate: 90 days unless said otherwise. */
export function deviceCertificate(
  issuing: CertificateAuthority,
  personId: PersonId,
  clientId: ClientId,
  publicKey: Uint8Array,
  nowMs: number,
  options: DeviceOptions = {},
): Uint8Array {
  return issueCertificate({
    ...{ signer: issuing.keys, issuer: issuing.name, subject: personId, publicKey },
    notBeforeMs: options.notBeforeMs ?? nowMs - HOUR,
    notAfterMs: options.notAfterMs ?? nowMs + 90 * DAY,
    authority: false,
    usage: KeyUsageFlags.digitalSignature,
    clientAuth: options.clientAuth ?? true,
    uris: options.uris ?? [`urn:copconnect:client:${personId}:${clientId}`],
  });
}
