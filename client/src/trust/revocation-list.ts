/**
 * The issuing CA's X.509 CRL: which serial numbers are revoked, and since when. Parsing verifies
 * nothing (see checker.ts). Pure.
 */
import { AsnConvert } from "@peculiar/asn1-schema";
import { CRLNumber, CertificateList, id_ce_cRLNumber } from "@peculiar/asn1-x509";
import { bytesToHex } from "@noble/hashes/utils.js";
import { CheckRefused } from "../check-failed.ts";
import { derLength, nameKey, requireEd25519 } from "./certificate.ts";

export interface RevocationList {
  readonly issuer: string;
  /** CRLNumber (RFC 5280 section 5.2.3): the version of the Trust that this list is for. */
  readonly number: number;
  readonly thisUpdateMs: number;
  readonly nextUpdateMs: number | null;
  /** Serial number (hex, as encoded) to the time of revocation. */
  readonly revoked: ReadonlyMap<string, number>;
  readonly toBeSigned: Uint8Array;
  readonly signature: Uint8Array;
}

export function parseRevocationList(der: Uint8Array): RevocationList {
  if (derLength(der) !== der.length)
    throw new CheckRefused("credential_refused", "CRL is truncated or has trailing bytes");
  try {
    const list = AsnConvert.parse(der, CertificateList);
    const tbs = list.tbsCertList;
    if (list.tbsCertListRaw === undefined) throw new Error("CRL has no content");
    requireEd25519(tbs.signature);
    requireEd25519(list.signatureAlgorithm);
    for (const extension of tbs.crlExtensions ?? [])
      if (extension.critical) throw new Error("CRL has a critical extension (delta or partial)");
    const numbered = tbs.crlExtensions?.find(({ extnID }) => extnID === id_ce_cRLNumber);
    if (numbered === undefined) throw new Error("CRL has no number");
    const number = AsnConvert.parse(numbered.extnValue.buffer, CRLNumber).value;
    const revoked = new Map<string, number>();
    for (const entry of tbs.revokedCertificates ?? []) {
      revoked.set(
        bytesToHex(new Uint8Array(entry.userCertificate)),
        entry.revocationDate.getTime().getTime(),
      );
    }
    return {
      issuer: nameKey(tbs.issuer),
      number,
      thisUpdateMs: tbs.thisUpdate.getTime().getTime(),
      nextUpdateMs: tbs.nextUpdate?.getTime().getTime() ?? null,
      revoked,
      toBeSigned: new Uint8Array(list.tbsCertListRaw),
      signature: new Uint8Array(list.signature),
    };
  } catch (error) {
    if (error instanceof CheckRefused) throw error;
    throw new CheckRefused("credential_refused", "CRL cannot be parsed", null, error);
  }
}
