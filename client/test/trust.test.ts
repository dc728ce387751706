import { KeyUsageFlags } from "@peculiar/asn1-x509";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CheckRefused } from "../src/check-failed.ts";
import { newId, randomBytes } from "../src/octets.ts";
import { clientNamedBy, parseCertificate } from "../src/trust/certificate.ts";
import { CLOCK_TOLERANCE_MS, TrustStore } from "../src/trust/checker.ts";
import { choose, nobleEd25519, webCryptoEd25519 } from "../src/trust/ed25519.ts";
import { parseRevocationList } from "../src/trust/revocation-list.ts";
import type { Trust } from "../src/wire.ts";
import { Department, issueCertificate, newKeyPair } from "./certificates.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

async function refused(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof CheckRefused)) throw new Error("it was accepted", { cause: error });
  expect(error.code).toBe("credential_refused");
  return error.message;
}

describe("Ed25519", () => {
  const seed = randomBytes(32);
  const publicKey = ed25519.getPublicKey(seed);
  const message = randomBytes(100);

  for (const [name, implementation] of [
    ["WebCrypto", webCryptoEd25519(crypto.subtle)],
    ["noble", nobleEd25519],
  ] as const) {
    test(`${name} signs and verifies, and calls everything else false`, async () => {
      const signature = await implementation.sign(seed, message);
      expect(signature).toEqual(ed25519.sign(message, seed));
      expect(await implementation.verify(publicKey, message, signature)).toBe(true);
      expect(await implementation.verify(publicKey, randomBytes(100), signature)).toBe(false);
      expect(await implementation.verify(randomBytes(32), message, signature)).toBe(false);
      for (const length of [0, 31, 33])
        expect(await implementation.verify(randomBytes(length), message, signature)).toBe(false);
      for (const length of [0, 63, 65])
        expect(await implementation.verify(publicKey, message, randomBytes(length))).toBe(false);
    });
  }

  test("falls back to noble where WebCrypto has no Ed25519", async () => {
    const old = {
      importKey: () => Promise.reject(new DOMException("Unrecognized name", "NotSupportedError")),
    } as unknown as SubtleCrypto;
    expect(await choose(old)).toBe(nobleEd25519);
    expect(await choose(undefined)).toBe(nobleEd25519);
    expect(await choose(crypto.subtle)).not.toBe(nobleEd25519);
  });
});

describe("certificates", () => {
  test("of a device are accepted while they are valid, with an hour of tolerance", async () => {
    const department = new Department();
    const device = department.device();
    const checker = await department.checker();
    const check = (atMs?: number | "any"): Promise<unknown> =>
      checker.checkClient(device.certificate, device.signaturePublicKey, atMs);
    expect(await check()).toMatchObject({
      personId: device.personId,
      clientId: device.clientId,
      certificateHash: device.certificateHash,
    });
    const { notBeforeMs, notAfterMs } = parseCertificate(device.certificate);
    await check(notBeforeMs - CLOCK_TOLERANCE_MS);
    await check(notAfterMs + CLOCK_TOLERANCE_MS);
    expect(await refused(check(notBeforeMs - CLOCK_TOLERANCE_MS - 1))).toMatch("not valid yet");
    expect(await refused(check(notAfterMs + CLOCK_TOLERANCE_MS + 1))).toMatch("expired");
    await check("any");
  });

  test("are refused for another key, another CA, another role, another use", async () => {
    const department = new Department();
    const checker = await department.checker();
    const check = (
      device: { certificate: Uint8Array; signaturePublicKey: Uint8Array },
      key = device.signaturePublicKey,
    ): Promise<unknown> => checker.checkClient(device.certificate, key);
    const good = department.device();
    expect(await refused(check(good, newKeyPair().publicKey))).toMatch("key");
    expect(await refused(check(new Department().device()))).toMatch("not issued by");
    expect(await refused(check(department.device({ signer: newKeyPair() })))).toMatch(
      "not issued by",
    );
    expect(await refused(check(department.device({ clientAuth: false })))).toMatch("clientAuth");
    const id = newId();
    for (const uris of [
      [],
      ["urn:copconnect:roster-authority"],
      [`urn:copconnect:client:${id}`],
      [`urn:copconnect:client:${id}:${id.toUpperCase()}x`],
      [`urn:copconnect:client:${id}:${id}`, `urn:copconnect:client:${id}:${newId()}`],
    ])
      expect(await refused(check(department.device({ uris })))).toMatch("not the certificate");
    const flipped = good.certificate.slice();
    flipped[60] = (flipped[60] as number) ^ 1;
    await refused(check({ ...good, certificate: flipped }));
    await refused(check({ ...good, certificate: Uint8Array.from([...good.certificate, 0]) }));
    expect(
      await refused(checker.checkClient(department.rosterCertificate, department.roster.publicKey)),
    ).toMatch("not the certificate of a client");
  });

  test("that were revoked are refused from that time on", async () => {
    const department = new Department();
    const device = department.device();
    department.revoke(device, department.nowMs - 10_000);
    const other = department.device();
    const checker = await department.checker();
    const { certificate, signaturePublicKey } = device;
    expect(await refused(checker.checkClient(certificate, signaturePublicKey))).toMatch("revoked");
    await checker.checkClient(certificate, signaturePublicKey, department.nowMs - 60_000);
    await checker.checkClient(other.certificate, other.signaturePublicKey);
  });

  test("of a former issuing CA are revoked by the newest one's list", async () => {
    const department = new Department();
    const [revoked, good] = [department.device(), department.device()];
    department.nextIssuing();
    department.revoke(revoked, department.nowMs - 10_000);
    const newer = department.device();
    const checker = await department.checker();
    const check = (device: typeof good): Promise<unknown> =>
      checker.checkClient(device.certificate, device.signaturePublicKey);
    await check(good);
    await check(newer);
    expect(await refused(check(revoked))).toMatch("revoked");
    department.revoke(newer, department.nowMs - 10_000);
    const later = await department.checker();
    expect(await refused(later.checkClient(newer.certificate, newer.signaturePublicKey))).toMatch(
      "revoked",
    );
  });
});

describe("trust", () => {
  async function open(
    department: Department,
    change: Partial<Trust> = {},
    options: { readonly atMs?: number; readonly lowestVersion?: number } = {},
  ): Promise<TrustStore> {
    return TrustStore.open(
      { ...department.trust(), ...change },
      {
        pinnedRoot: department.rootCertificate,
        now: () => options.atMs ?? department.nowMs,
        lowestVersion: options.lowestVersion ?? 0,
      },
    );
  }

  test("is refused when anything in it does not stand under the pinned root", async () => {
    const department = new Department();
    const other = new Department();
    expect((await open(department)).version).toBe(1);
    expect(await refused(open(department, { root: other.rootCertificate }))).toMatch("pinned");
    await refused(open(department, { issuing: [] }));
    await refused(open(department, { issuing: [other.issuingCertificate] }));
    await refused(open(department, { rosterAuthority: other.rosterCertificate }));
    await refused(open(department, { rosterAuthority: department.device().certificate }));
    await refused(open(department, { crl: other.crl() }));
    await refused(open(department, { crl: new Uint8Array() }));
    await refused(open(department, {}, { lowestVersion: 2 }));
    // An old list under a new version would bring a revoked device back.
    const before = department.crl();
    department.revoke(department.device());
    expect((await open(department, {}, { lowestVersion: 1 })).version).toBe(2);
    const message = await refused(open(department, { version: 3, crl: before }));
    expect(message).toMatch("another version");
    await refused(open(department, {}, { atMs: department.nowMs - 30 * DAY }));
    await refused(open(department, {}, { atMs: department.nowMs + 30 * 365 * DAY }));
  });

  test("refuses an issuing CA that may have CAs below it, or a device that signs", async () => {
    const department = new Department();
    const base = {
      subject: "Test Issuing CA 1",
      issuer: "Test Root CA",
      signer: department.root,
      publicKey: department.issuing.publicKey,
      notBeforeMs: department.nowMs - HOUR,
      notAfterMs: department.nowMs + DAY,
      authority: true,
      pathLength: 0,
      usage: KeyUsageFlags.keyCertSign,
    };
    await open(department, { issuing: [issueCertificate(base)] });
    await refused(open(department, { issuing: [issueCertificate({ ...base, pathLength: 1 })] }));
    await refused(open(department, { issuing: [issueCertificate({ ...base, authority: false })] }));
    const usage = KeyUsageFlags.digitalSignature;
    await refused(open(department, { issuing: [issueCertificate({ ...base, usage })] }));
  });
});

describe("parsers of outside bytes", () => {
  const department = new Department();
  const { certificate } = department.device();
  const crl = department.crl();

  function onlyRefuses(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array): boolean {
    try {
      parse(bytes);
      return true;
    } catch (error) {
      return error instanceof CheckRefused && error.code === "credential_refused";
    }
  }

  for (const [name, parse, good] of [
    ["certificate", (bytes: Uint8Array) => clientNamedBy(parseCertificate(bytes)), certificate],
    ["CRL", parseRevocationList, crl],
  ] as const) {
    test(`${name}: random, truncated and altered bytes give only documented errors`, () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => onlyRefuses(parse, bytes)),
      );
      fc.assert(
        fc.property(fc.nat(good.length - 1), fc.nat(255), (index, value) => {
          const bytes = good.slice();
          bytes[index] = value;
          return onlyRefuses(parse, bytes) && onlyRefuses(parse, good.subarray(0, index));
        }),
        { numRuns: 500 },
      );
    });
  }
});
