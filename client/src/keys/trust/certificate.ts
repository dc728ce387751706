/**
 * X.509 certificates as this project uses them (docs/protocol.md, "Certificates"): Ed25519 keys and
 * signatures only, version 3, no trailing bytes, no critical extension that is not judged. Parsing
 * says what a certificate claims; nothing here says that it is true (see department-trust.ts and
 * device-certificate.ts). E0 refuses malformed certificates. Pure.
 */
import type { ClientId, PersonId } from "../../ids.ts";
import { equalBytes, fromHex, toHex } from "../../octets.ts";
import { hash as sha256 } from "../format/hashing.ts";
import { Refused, refuseUnless } from "../format/refused.ts";
import { DerReader, TAG } from "./der.ts";

export interface ParsedCertificate {
  readonly der: Uint8Array;
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
  /** Null if the certificate does not limit it. */
  readonly keyUsage: readonly KeyUsage[] | null;
  /** The URIs of subjectAltName; every other kind of name there is refused. */
  readonly uris: readonly string[];
}

/** The fields that anything here depends on. */
export type KeyUsage = "digitalSignature" | "keyCertSign";

/** The person and client that a device certificate names. */
export interface ClientIdentity {
  readonly personId: PersonId;
  readonly clientId: ClientId;
}

/** AlgorithmIdentifier of Ed25519 (RFC 8410): the OID alone, no parameters. */
const ED25519 = fromHex("300506032b6570");
const BASIC_CONSTRAINTS = "551d13";
const KEY_USAGE = "551d0f";
const EXTENDED_KEY_USAGE = "551d25";
const SUBJECT_ALT_NAME = "551d11";
/** Bits of KeyUsage, the first one first (RFC 5280 section 4.2.1.3). */
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;

/** The same certificates are asked about again and again. */
const REMEMBERED = 20_000;
const parsed = new Map<string, ParsedCertificate>();

export function parseCertificate(der: Uint8Array): ParsedCertificate {
  const name = toHex(sha256(der));
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const certificate = parse(der.slice());
  if (parsed.size >= REMEMBERED) parsed.clear();
  parsed.set(name, certificate);
  return certificate;
}

function parse(der: Uint8Array): ParsedCertificate {
  const all = new DerReader(der);
  const outer = all.inside(TAG.sequence);
  all.end("the certificate");
  const toBeSigned = outer.whole(TAG.sequence);
  requireEd25519(outer);
  const signature = outer.octetsInBits();
  outer.end("the certificate");
  refuseUnless(signature.length === 64, "E0", "signature has the wrong length");
  return { der, toBeSigned, signature, ...readContent(toBeSigned) };
}

function readContent(toBeSigned: Uint8Array) {
  const tbs = new DerReader(toBeSigned).inside(TAG.sequence);
  const version = tbs.inside(TAG.context0);
  refuseUnless(version.smallInteger() === 2, "E0", "not a certificate of version 3");
  version.end("the version");
  tbs.integer(); // The serial number, of which nothing depends.
  requireEd25519(tbs);
  const issuer = toHex(tbs.whole(TAG.sequence));
  const validity = tbs.inside(TAG.sequence);
  const [notBeforeMs, notAfterMs] = [validity.time(), validity.time()];
  validity.end("the validity");
  const subject = toHex(tbs.whole(TAG.sequence));
  const publicKey = readKey(tbs.inside(TAG.sequence));
  const names = { issuer, subject, notBeforeMs, notAfterMs, publicKey };
  // Unique identifiers ([1], [2]) are none of ours: whatever is no extension is refused.
  const extensions = tbs.done ? noExtensions() : readExtensions(tbs.inside(TAG.context3));
  tbs.end("the certificate's content");
  return { ...names, ...extensions };
}

function requireEd25519(reader: DerReader): void {
  const right = equalBytes(reader.whole(TAG.sequence), ED25519);
  refuseUnless(right, "E0", "only Ed25519 is accepted");
}

function readKey(reader: DerReader): Uint8Array {
  requireEd25519(reader);
  const publicKey = reader.octetsInBits();
  reader.end("the public key");
  refuseUnless(publicKey.length === 32, "E0", "public key has the wrong length");
  return publicKey;
}

interface Extensions {
  authority: boolean;
  pathLength: number | null;
  keyUsage: readonly KeyUsage[] | null;
  uris: readonly string[];
}

function noExtensions(): Extensions {
  return { authority: false, pathLength: null, keyUsage: null, uris: [] };
}

function readExtensions(outer: DerReader): Extensions {
  const list = outer.inside(TAG.sequence);
  outer.end("the extensions");
  const found = noExtensions();
  const seen = new Set<string>();
  while (!list.done) {
    const extension = list.inside(TAG.sequence);
    const oid = toHex(extension.content(TAG.oid));
    refuseUnless(!seen.has(oid), "E0", "certificate repeats an extension");
    seen.add(oid);
    const critical = extension.tag === TAG.boolean && extension.boolean();
    const value = new DerReader(extension.content(TAG.octetString));
    extension.end("an extension");
    readExtension(oid, critical, value, found);
  }
  return found;
}

function readExtension(oid: string, critical: boolean, value: DerReader, found: Extensions): void {
  switch (oid) {
    case BASIC_CONSTRAINTS: {
      const constraints = value.inside(TAG.sequence);
      found.authority = constraints.tag === TAG.boolean && constraints.boolean();
      if (!constraints.done) found.pathLength = constraints.smallInteger();
      constraints.end("the basic constraints");
      break;
    }
    case KEY_USAGE: {
      const { bytes } = value.bits();
      const isSet = (bit: number): boolean => ((bytes[0] ?? 0) & (0x80 >> bit)) !== 0;
      found.keyUsage = [
        ...(isSet(DIGITAL_SIGNATURE) ? (["digitalSignature"] as const) : []),
        ...(isSet(KEY_CERT_SIGN) ? (["keyCertSign"] as const) : []),
      ];
      break;
    }
    case SUBJECT_ALT_NAME: {
      const names = value.inside(TAG.sequence);
      const uris: string[] = [];
      while (!names.done) uris.push(ascii(names.content(TAG.uri)));
      found.uris = uris;
      break;
    }
    case EXTENDED_KEY_USAGE:
      // Roles come from the URI and the basic constraints.
      value.inside(TAG.sequence);
      break;
    default:
      refuseUnless(!critical, "E0", "certificate has an unknown critical extension");
      return;
  }
  value.end("an extension");
}

function ascii(bytes: Uint8Array): string {
  refuseUnless(
    bytes.every((byte) => byte < 0x80),
    "E0",
    "URI is not ASCII",
  );
  return String.fromCharCode(...bytes);
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
    throw new Refused("E0", "not the certificate of a client");
  return { personId: personId as PersonId, clientId: clientId as ClientId };
}
