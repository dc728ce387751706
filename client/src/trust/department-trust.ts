/**
 * The trust above every person's records: the pinned root, the CAs and the roster authority that
 * it issued, and the department records that it signed.
 *
 * Invariants: the root is the one pinned at registration, byte for byte; a department record is
 * replaced only by one with a higher number, and no two records share a number; the roster authority
 * is the newest record's. Immutable: what the server serves later makes a new value with
 * {@link DepartmentTrust.follow}, which keeps the records that this device held and the server left
 * out, so that a server cannot take a record back. Failures are Refused (E0).
 */
import { equalBytes, toHex } from "../octets.ts";
import type { Kem } from "../keys/hpke.ts";
import { Refused, refuseUnless } from "../keys/format/refused.ts";
import { verifySignature } from "../keys/format/signature.ts";
import type { Trust } from "../wire.ts";
import {
  ROSTER_AUTHORITY_URI,
  parseCertificate,
  type ParsedCertificate,
} from "../keys/trust/certificate.ts";
import {
  DepartmentFormat,
  authorityOf,
  checkDepartment,
  requireFollows,
  type Department,
} from "../keys/trust/department.ts";
import {
  IncarnationFormat,
  checkIncarnation,
  type Incarnation,
} from "../keys/trust/incarnation.ts";
import { readCertificate, type Certificate } from "../keys/trust/device-certificate.ts";

export class DepartmentTrust {
  /** The server's count of changes; it says only whether to ask again. */
  readonly version: number;
  /** The offline root's raw public key. */
  readonly rootKey: Uint8Array;
  /** Raw public keys of the issuing CAs that the root issued, expired ones too. */
  readonly issuingKeys: readonly Uint8Array[];
  /** Ascending by number; at least one. */
  readonly departments: readonly Department[];
  /** The one with the highest number that was taken (S8); null: no backup was ever restored. */
  readonly incarnation: Incarnation | null;

  private constructor(
    version: number,
    rootKey: Uint8Array,
    issuingKeys: readonly Uint8Array[],
    departments: readonly Department[],
    incarnation: Incarnation | null,
  ) {
    this.version = version;
    this.rootKey = rootKey;
    this.issuingKeys = issuingKeys;
    this.departments = departments;
    this.incarnation = incarnation;
  }

  /** At registration, the root that `trust` brings becomes the pinned one: pass it as both. */
  static async open(
    trust: Trust,
    pinnedRoot: Uint8Array,
    held: readonly Department[] = [],
    taken: Incarnation | null = null,
  ): Promise<DepartmentTrust> {
    refuseUnless(equalBytes(trust.root, pinnedRoot), "E0", "the root is not the pinned one");
    const root = await rootCertificate(pinnedRoot);
    refuseUnless(trust.issuing.length > 0, "E0", "there is no issuing CA");
    const issuingKeys: Uint8Array[] = [];
    for (const der of trust.issuing) issuingKeys.push(await issuingKey(der, root));
    const incarnation = newestIncarnation(trust.incarnation, taken);
    const departments = await merge(trust.departments, held, root.publicKey, incarnation);
    const newest = newestOf(departments);
    const authority = parseCertificate(trust.rosterAuthority);
    await requireIssuedBy(authority, root);
    const named = authority.uris.length === 1 && authority.uris[0] === ROSTER_AUTHORITY_URI;
    refuseUnless(named && !authority.authority, "E0", "not the roster authority's certificate");
    const own = equalBytes(authority.publicKey, newest.authority);
    refuseUnless(own, "E0", "the roster authority is not the department record's");
    if (incarnation !== null && incarnation !== taken)
      await checkIncarnation(incarnation, authorityOf([newest], incarnation.number, "S8"));
    const { version } = trust;
    return new DepartmentTrust(version, root.publicKey, issuingKeys, departments, incarnation);
  }

  /** The trust that the server serves now, if it takes nothing back. */
  follow(trust: Trust, pinnedRoot: Uint8Array): Promise<DepartmentTrust> {
    return DepartmentTrust.open(trust, pinnedRoot, this.departments, this.incarnation);
  }

  get department(): Department {
    return newestOf(this.departments);
  }

  get rosterAuthority(): Uint8Array {
    return this.department.authority;
  }

  get lowestKem(): Kem {
    return this.department.lowestKem;
  }

  /** A device's certificate, which one of the issuing CAs signed. Throws Refused (E0). */
  certificate(der: Uint8Array): Promise<Certificate> {
    return readCertificate(der, this.issuingKeys);
  }
}

/** The certificate of a root, which issued it to itself. Throws Refused (E0). */
export async function rootCertificate(der: Uint8Array): Promise<ParsedCertificate> {
  const root = parseCertificate(der);
  requireCa(root, "root");
  await requireIssuedBy(root, root);
  return root;
}

function newestOf(departments: readonly Department[]): Department {
  const newest = departments.at(-1);
  if (newest === undefined) throw new Refused("E0", "there is no department record");
  return newest;
}

/** The served one if its number is higher than that of the one taken before; not yet checked. */
function newestIncarnation(
  served: Uint8Array | null,
  taken: Incarnation | null,
): Incarnation | null {
  const record = served === null ? null : IncarnationFormat.parse(served);
  return record !== null && record.number > (taken?.number ?? 0) ? record : taken;
}

/**
 * The served records and the formerly held ones, ascending. Throws for a fork or a step back. A
 * restored backup may lack a record that is older than the restore: it stays in force here.
 */
async function merge(
  served: readonly Uint8Array[],
  held: readonly Department[],
  rootKey: Uint8Array,
  incarnation: Incarnation | null,
): Promise<readonly Department[]> {
  const byNumber = new Map(held.map((record) => [record.number, record]));
  let highest = 0;
  for (const bytes of served) {
    const record = DepartmentFormat.parse(bytes);
    const known = byNumber.get(record.number);
    const same = known === undefined || toHex(known.hash) === toHex(record.hash);
    refuseUnless(same, "E0", "two department records have one number");
    if (known === undefined) await checkDepartment(record, rootKey);
    byNumber.set(record.number, record);
    highest = Math.max(highest, record.number);
  }
  const before = held.at(-1);
  const lost = before !== undefined && incarnation !== null && incarnation.created > before.created;
  refuseUnless(lost || highest >= (before?.number ?? 0), "E0", "the department record went back");
  const records = [...byNumber.values()].sort((a, b) => a.number - b.number);
  for (const [at, former] of records.slice(0, -1).entries())
    requireFollows(records[at + 1] as Department, former);
  return records;
}

async function issuingKey(der: Uint8Array, root: ParsedCertificate): Promise<Uint8Array> {
  const certificate = parseCertificate(der);
  requireCa(certificate, "issuing CA");
  refuseUnless(certificate.pathLength === 0, "E0", "an issuing CA may not have CAs below it");
  await requireIssuedBy(certificate, root);
  return certificate.publicKey;
}

function requireCa(certificate: ParsedCertificate, what: string): void {
  const signs = certificate.keyUsage?.includes("keyCertSign") === true;
  refuseUnless(certificate.authority && signs, "E0", `the ${what} is no CA`);
}

async function requireIssuedBy(
  certificate: ParsedCertificate,
  issuer: ParsedCertificate,
): Promise<void> {
  refuseUnless(certificate.issuer === issuer.subject, "E0", "issuer is another");
  const { toBeSigned, signature } = certificate;
  const right = await verifySignature(issuer.publicKey, toBeSigned, signature);
  refuseUnless(right, "E0", "signature of the issuer is wrong");
}
