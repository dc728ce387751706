/**
 * Judges certificates against the department's pinned root (docs/protocol.md, "Certificates").
 *
 * Invariants: the root is the one pinned at registration, byte for byte; every certificate that is
 * accepted chains root → issuing CA → device, with the role read from the URI. A chain is verified
 * once for each certificate and remembered; validity and revocation are judged at every call. A
 * `TrustStore` is immutable: a new `Trust` from the server makes a new store, and one with a lower
 * version is refused, as is a revocation list that was signed for another version, so that a
 * revocation cannot be undone by an old list.
 *
 * Times: one hour of tolerance either way, because phones' clocks are wrong.
 */
import { equalBytes } from "../octets.ts";
import { CheckRefused } from "../check-failed.ts";
import type { ClientIdentity, CredentialChecker } from "../mls/types.ts";
import type { Trust } from "../wire.ts";
import {
  ROSTER_AUTHORITY_URI,
  clientNamedBy,
  parseCertificate,
  type ParsedCertificate,
} from "./certificate.ts";
import { platformEd25519, type Ed25519 } from "./ed25519.ts";
import { parseRevocationList, type RevocationList } from "./revocation-list.ts";

export const CLOCK_TOLERANCE_MS = 60 * 60 * 1000;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const REMEMBERED_CHAINS = 20_000;

export interface TrustOptions {
  /** DER of the root pinned at registration. */
  readonly pinnedRoot: Uint8Array;
  readonly now: () => number;
  /** Of the newest `Trust` seen so far; 0 if there was none. */
  readonly lowestVersion?: number;
  readonly ed25519?: Ed25519;
}

interface Vouched {
  readonly identity: ClientIdentity;
  readonly certificate: ParsedCertificate;
}

function refuse(message: string): CheckRefused {
  return new CheckRefused("credential_refused", message);
}

/** No issuing CA that this trust names has signed it: a newer trust may name one that has. */
export class UnknownIssuer extends CheckRefused {
  constructor() {
    super("credential_refused", "not issued by the department's CA");
  }
}

export class TrustStore implements CredentialChecker {
  readonly version: number;
  /** When the CRL says a newer one is due; fetch `Trust` again by then. */
  readonly nextUpdateMs: number | null;
  readonly #issuing: readonly ParsedCertificate[];
  readonly #authority: ParsedCertificate;
  readonly #crl: RevocationList;
  readonly #ed25519: Ed25519;
  readonly #now: () => number;
  readonly #vouched = new Map<string, Promise<Vouched>>();

  private constructor(
    version: number,
    issuing: readonly ParsedCertificate[],
    authority: ParsedCertificate,
    crl: RevocationList,
    ed25519: Ed25519,
    now: () => number,
  ) {
    this.version = version;
    this.nextUpdateMs = crl.nextUpdateMs;
    this.#issuing = issuing;
    this.#authority = authority;
    this.#crl = crl;
    this.#ed25519 = ed25519;
    this.#now = now;
  }

  /** Check everything in `trust` under the pinned root. Throws CheckRefused. */
  static async open(trust: Trust, options: TrustOptions): Promise<TrustStore> {
    if (trust.version < (options.lowestVersion ?? 0))
      throw refuse("trust went back to an old version");
    if (!equalBytes(trust.root, options.pinnedRoot)) throw refuse("root is not the pinned one");
    const ed25519 = options.ed25519 ?? (await platformEd25519());
    const now = options.now();

    const root = parseCertificate(options.pinnedRoot);
    requireAuthority(root, now);
    await requireSignedBy(root, root, ed25519);

    if (trust.issuing.length === 0) throw refuse("no issuing CA");
    const issuing: ParsedCertificate[] = [];
    for (const der of trust.issuing) {
      const certificate = parseCertificate(der);
      // Expired issuers stay: certificates they issued may still stand in old trees. What they
      // issue is judged by its own dates, which lie within theirs.
      requireAuthority(certificate, null);
      if (certificate.pathLength !== 0) throw refuse("issuing CA may not have CAs below it");
      await requireSignedBy(certificate, root, ed25519);
      issuing.push(certificate);
    }

    const authority = parseCertificate(trust.rosterAuthority);
    await requireSignedBy(authority, root, ed25519);
    requireWithin(authority, now);
    if (authority.authority) throw refuse("roster authority may not be a CA");
    if (authority.uris.length !== 1 || authority.uris[0] !== ROSTER_AUTHORITY_URI)
      throw refuse("not the certificate of the roster authority");
    requireUsage(authority, "digitalSignature");

    const crl = parseRevocationList(trust.crl);
    await requireIssuedBySome(crl, issuing, ed25519);
    // The version is the server's word alone; the number in the list is signed.
    if (crl.number !== trust.version) throw refuse("revocation list of another version");
    return new TrustStore(trust.version, issuing, authority, crl, ed25519, options.now);
  }

  rosterAuthority(): { readonly certificate: Uint8Array; readonly publicKey: Uint8Array } {
    return { certificate: this.#authority.der, publicKey: this.#authority.publicKey };
  }

  async checkClient(
    certificate: Uint8Array,
    signaturePublicKey: Uint8Array,
    atMs: number | "any" = this.#now(),
  ): Promise<ClientIdentity> {
    const parsed = parseCertificate(certificate);
    if (!equalBytes(parsed.publicKey, signaturePublicKey))
      throw refuse("the key is not the certificate's");
    let vouched = this.#vouched.get(parsed.hash);
    if (vouched === undefined) {
      if (this.#vouched.size >= REMEMBERED_CHAINS) this.#vouched.clear();
      vouched = this.#verify(parsed);
      this.#vouched.set(parsed.hash, vouched);
      vouched.catch(() => this.#vouched.delete(parsed.hash));
    }
    const { identity } = await vouched;
    if (atMs !== "any") {
      requireWithin(parsed, atMs);
      const revokedMs = this.#revokedAt(parsed);
      if (revokedMs !== null && revokedMs <= atMs) throw refuse("certificate is revoked");
    }
    return identity;
  }

  #revokedAt(certificate: ParsedCertificate): number | null {
    // The list is for all issuing CAs of the department: serials are random and do not repeat.
    return this.#crl.revoked.get(certificate.serial) ?? null;
  }

  async #verify(certificate: ParsedCertificate): Promise<Vouched> {
    const identity = clientNamedBy(certificate);
    if (certificate.authority) throw refuse("a client may not be a CA");
    requireUsage(certificate, "digitalSignature");
    if (certificate.extendedKeyUsage?.includes(CLIENT_AUTH) !== true)
      throw refuse("certificate is not for clientAuth");
    await requireIssuedBySome(certificate, this.#issuing, this.#ed25519);
    return { identity, certificate };
  }
}

// --- Single checks -----------------------------------------------------------------------------

interface Signed {
  readonly issuer: string;
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
}

async function requireSignedBy(
  signed: Signed,
  issuer: ParsedCertificate,
  ed25519: Ed25519,
): Promise<void> {
  if (signed.issuer !== issuer.subject) throw refuse("issuer is another");
  if (!(await ed25519.verify(issuer.publicKey, signed.toBeSigned, signed.signature)))
    throw refuse("signature of the issuer is wrong");
}

async function requireIssuedBySome(
  signed: Signed,
  issuers: readonly ParsedCertificate[],
  ed25519: Ed25519,
): Promise<void> {
  for (const issuer of issuers) {
    if (issuer.subject !== signed.issuer) continue;
    if (await ed25519.verify(issuer.publicKey, signed.toBeSigned, signed.signature)) return;
  }
  throw new UnknownIssuer();
}

function requireAuthority(certificate: ParsedCertificate, atMs: number | null): void {
  if (!certificate.authority) throw refuse("not a CA");
  requireUsage(certificate, "keyCertSign");
  if (atMs !== null) requireWithin(certificate, atMs);
}

function requireUsage(certificate: ParsedCertificate, usage: string): void {
  if (certificate.keyUsage?.includes(usage) !== true) throw refuse(`key usage lacks ${usage}`);
}

function requireWithin(certificate: ParsedCertificate, atMs: number): void {
  if (atMs < certificate.notBeforeMs - CLOCK_TOLERANCE_MS)
    throw refuse("certificate is not valid yet");
  if (atMs > certificate.notAfterMs + CLOCK_TOLERANCE_MS) throw refuse("certificate has expired");
}
