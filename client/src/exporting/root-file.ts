/** The file of a root's certificate, by which somebody without a device verifies an export. */
import { hash } from "../keys/format/hashing.ts";
import { fromBase64, toHex, type Bytes } from "../octets.ts";
import { rootCertificate } from "../trust/department-trust.ts";

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/gu;

export interface RootFile {
  /** The root's raw public key. */
  readonly key: Uint8Array;
  /** SHA-256 of the certificate as `openssl x509 -fingerprint` writes it: "A1:B2:…". */
  readonly fingerprint: string;
}

/** Read `root.pem`. Null: it is not one certificate that a root issued to itself. */
export async function readRootFile(text: string): Promise<RootFile | null> {
  const [found, more] = [...text.matchAll(PEM)];
  if (found === undefined || more !== undefined) return null;
  try {
    const der: Bytes = fromBase64((found[1] ?? "").replace(/\s/gu, ""));
    const { publicKey } = await rootCertificate(der);
    const pairs = toHex(hash(der)).toUpperCase().match(/../gu) ?? [];
    return { key: publicKey, fingerprint: pairs.join(":") };
  } catch {
    return null;
  }
}
