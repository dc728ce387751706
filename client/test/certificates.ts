/**
 * A department for tests: root, issuing CA, roster authority, device certificates, CRL and signed
 * roster heads, byte for byte as docs/protocol.md says and as the server makes them.
 *
 * Everything is made with real keys and real signatures; `corrupt` options make the wrong ones that
 * tests of refusals need.
 */
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  CRLNumber,
  CertificateList,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  RevokedCertificate,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
  TBSCertList,
  TBSCertificate,
  Time,
  Validity,
  id_ce_basicConstraints,
  id_ce_cRLNumber,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_kp_clientAuth,
} from "@peculiar/asn1-x509";
import { ed25519 } from "@noble/curves/ed25519.js";
import { sha256 } from "@noble/hashes/sha2.js";
import type { ClientIdentity, DeviceIdentity } from "../src/mls/types.ts";
import { concat, copy, newId, randomBytes, toHex, u64, utf8 } from "../src/octets.ts";
import { NO_HEAD, encodeUnsignedHead, headMessage } from "../src/roster/head.ts";
import { merkleRoot } from "../src/roster/merkle.ts";
import { leafBytes } from "../src/roster/roster-copy.ts";
import { parseCertificate } from "../src/trust/certificate.ts";
import { TrustStore } from "../src/trust/checker.ts";
import type { RosterLeaf, SignedRoster, Trust } from "../src/wire.ts";

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

export interface DeviceOptions {
  readonly personId?: string;
  readonly clientId?: string;
  /** Renewal: the same key and ids, a new certificate. */
  readonly keys?: KeyPair;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly uris?: readonly string[];
  readonly clientAuth?: boolean;
  readonly signer?: KeyPair;
}

/** What a roster head is made from: who is in which cell. */
export interface Place {
  readonly cellId: string;
  readonly client: ClientIdentity;
}

export class Department {
  readonly root = newKeyPair();
  issuing = newKeyPair();
  readonly roster = newKeyPair();
  readonly rootCertificate: Uint8Array;
  issuingCertificate: Uint8Array;
  readonly rosterCertificate: Uint8Array;
  readonly nowMs: number;
  #version = 1;
  #issuingNumber = 1;
  readonly #former: Uint8Array[] = [];
  readonly #revoked: { readonly serial: string; readonly atMs: number }[] = [];

  constructor(nowMs = Date.now()) {
    this.nowMs = nowMs;
    const ca = { signer: this.root, issuer: "Test Root CA", notBeforeMs: nowMs - HOUR };
    this.rootCertificate = issueCertificate({
      ...ca,
      subject: "Test Root CA",
      publicKey: this.root.publicKey,
      notAfterMs: nowMs + 20 * YEAR,
      authority: true,
      pathLength: 1,
      usage: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
    });
    this.issuingCertificate = this.#certifyIssuing();
    this.rosterCertificate = issueCertificate({
      ...ca,
      subject: "Test Roster Authority",
      publicKey: this.roster.publicKey,
      notAfterMs: nowMs + 10 * YEAR,
      authority: false,
      usage: KeyUsageFlags.digitalSignature,
      uris: ["urn:copconnect:roster-authority"],
    });
  }

  get #issuingName(): string {
    return `Test Issuing CA ${String(this.#issuingNumber)}`;
  }

  #certifyIssuing(): Uint8Array {
    return issueCertificate({
      signer: this.root,
      issuer: "Test Root CA",
      notBeforeMs: this.nowMs - HOUR,
      subject: this.#issuingName,
      publicKey: this.issuing.publicKey,
      notAfterMs: this.nowMs + 10 * YEAR,
      authority: true,
      pathLength: 0,
      usage: KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
    });
  }

  /** Another issuing CA takes over; what the former one issued stays good. */
  nextIssuing(): void {
    this.#former.push(this.issuingCertificate);
    this.issuing = newKeyPair();
    this.#issuingNumber += 1;
    this.issuingCertificate = this.#certifyIssuing();
    this.#version += 1;
  }

  /** A device with its key and certificate. */
  device(options: DeviceOptions = {}): DeviceIdentity {
    const personId = options.personId ?? newId();
    const clientId = options.clientId ?? newId();
    const keys = options.keys ?? newKeyPair();
    const certificate = issueCertificate({
      signer: options.signer ?? this.issuing,
      issuer: this.#issuingName,
      subject: personId,
      publicKey: keys.publicKey,
      notBeforeMs: options.notBeforeMs ?? this.nowMs - HOUR,
      notAfterMs: options.notAfterMs ?? this.nowMs + 90 * DAY,
      authority: false,
      usage: KeyUsageFlags.digitalSignature,
      clientAuth: options.clientAuth ?? true,
      uris: options.uris ?? [`urn:copconnect:client:${personId}:${clientId}`],
    });
    return {
      personId,
      clientId,
      certificateHash: toHex(sha256(certificate)),
      certificate,
      signaturePrivateKey: keys.privateKey,
      signaturePublicKey: keys.publicKey,
    };
  }

  revoke(client: ClientIdentity, atMs = this.nowMs): void {
    // The list counts in seconds: what the device did in this one stays good, as the server has it.
    const secondMs = Math.ceil(atMs / 1000) * 1000;
    const { serial } = parseCertificate(client.certificate);
    this.#revoked.push({ serial, atMs: secondMs });
    this.#version += 1;
  }

  crl(signer: KeyPair = this.issuing): Uint8Array {
    const list = new TBSCertList({
      version: 1,
      signature: algorithm(),
      issuer: named(this.#issuingName),
      thisUpdate: new Time(new Date(this.nowMs - HOUR)),
      nextUpdate: new Time(new Date(this.nowMs + 7 * DAY)),
      crlExtensions: [
        new Extension({
          extnID: id_ce_cRLNumber,
          extnValue: new OctetString(AsnConvert.serialize(new CRLNumber(this.#version))),
        }),
      ],
    });
    if (this.#revoked.length > 0)
      list.revokedCertificates = this.#revoked.map(
        ({ serial, atMs }) =>
          new RevokedCertificate({
            userCertificate: Uint8Array.from(Buffer.from(serial, "hex")).buffer,
            revocationDate: new Time(new Date(atMs)),
          }),
      );
    const signature = ed25519.sign(new Uint8Array(AsnConvert.serialize(list)), signer.privateKey);
    return new Uint8Array(
      AsnConvert.serialize(
        new CertificateList({
          tbsCertList: list,
          signatureAlgorithm: algorithm(),
          signature: copy(signature).buffer,
        }),
      ),
    );
  }

  trust(): Trust {
    return {
      version: this.#version,
      root: this.rootCertificate,
      issuing: [...this.#former, this.issuingCertificate],
      rosterAuthority: this.rosterCertificate,
      crl: this.crl(),
    };
  }

  checker(now: () => number = () => this.nowMs): Promise<TrustStore> {
    return TrustStore.open(this.trust(), { pinnedRoot: this.rootCertificate, now });
  }

  /** The next signed roster of a conversation; `before` is the head it extends. */
  signRoster(
    conversationId: string,
    places: readonly Place[],
    before: { readonly head: Uint8Array; readonly epoch: number } | null,
    createdMs = this.nowMs,
  ): SignedRoster & { readonly epoch: number } {
    const epoch = (before?.epoch ?? 0) + 1;
    const sorted = places
      .map((place) => ({
        place,
        key: place.cellId + place.client.certificateHash,
        bytes: leafBytes(place.cellId, place.client.certificateHash),
      }))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const unsigned = encodeUnsignedHead({
      conversationId,
      epoch,
      prev: before === null ? NO_HEAD : toHex(sha256(before.head)),
      leaves: sorted.length,
      root: toHex(merkleRoot(sorted.map(({ bytes }) => bytes))),
      createdMs,
    });
    return {
      epoch,
      head: concat(unsigned, ed25519.sign(headMessage(unsigned), this.roster.privateKey)),
      leaves: sorted.map(({ place }) => rosterLeaf(place)),
      certificates: sorted.map(({ place }) => place.client.certificate),
    };
  }
}

export function rosterLeaf({ cellId, client }: Place): RosterLeaf {
  return {
    cellId,
    certificateHash: client.certificateHash,
    clientId: client.clientId,
    personId: client.personId,
  };
}

/**
 * The roster authority's external Remove as MLSMessage(PublicMessage), written by hand from RFC 9420
 * section 6, as the server does: nothing of ts-mls is involved.
 */
export function encodeExternalRemove(
  authorityPrivateKey: Uint8Array,
  groupId: Uint8Array,
  epoch: number,
  leafIndex: number,
): Uint8Array {
  const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff);
  const u32 = (value: number): Uint8Array => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  };
  const vector = (bytes: Uint8Array): Uint8Array => {
    if (bytes.length < 64) return concat(Uint8Array.of(bytes.length), bytes);
    return concat(u16(0x4000 | bytes.length), bytes);
  };
  const framed = concat(
    vector(groupId),
    u64(epoch),
    Uint8Array.of(2), // sender type external
    u32(0), // sender index
    vector(new Uint8Array()), // authenticated data
    Uint8Array.of(2), // content type proposal
    u16(3), // proposal type remove
    u32(leafIndex),
  );
  const version = u16(1);
  const wireFormat = u16(1); // mls_public_message
  const toBeSigned = concat(version, wireFormat, framed);
  const labelled = concat(vector(utf8("MLS 1.0 FramedContentTBS")), vector(toBeSigned));
  const signature = ed25519.sign(labelled, authorityPrivateKey);
  return concat(version, wireFormat, framed, vector(signature));
}
