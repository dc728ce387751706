import { newId } from "#core/ids.ts";
import { AsnConvert } from "@peculiar/asn1-schema";
import {
  BasicConstraints,
  Certificate,
  SubjectAlternativeName,
  id_ce_basicConstraints,
  id_ce_subjectAltName,
} from "@peculiar/asn1-x509";
import { ed25519 } from "@noble/curves/ed25519.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Refused } from "#core/keys/format/refused.ts";
import { randomBytes, toHex } from "#core/octets.ts";
import {
  clientNamedBy,
  parseCertificate,
  type ParsedCertificate,
} from "#core/keys/trust/certificate.ts";
import { DepartmentTrust } from "#core/trust/department-trust.ts";
import { choose, nobleEd25519, webCryptoEd25519 } from "#core/keys/format/ed25519.ts";
import { Department, newSigner } from "../support/department.ts";
import { NOW } from "./scene.ts";

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

function attempt<T>(parse: () => T): T | null {
  try {
    return parse();
  } catch {
    return null;
  }
}

function summary(certificate: ParsedCertificate) {
  const { notBeforeMs, notAfterMs, authority, pathLength, uris } = certificate;
  const { publicKey, toBeSigned, signature, issuer, subject } = certificate;
  return {
    ...{ notBeforeMs, notAfterMs, authority, pathLength, uris, issuer, subject },
    ...{ publicKey: toHex(publicKey), content: toHex(toBeSigned), signature: toHex(signature) },
  };
}

/** The same by a general library. */
function byLibrary(der: Uint8Array) {
  const {
    tbsCertificate: tbs,
    tbsCertificateRaw,
    signatureValue,
  } = AsnConvert.parse(der, Certificate);
  const value = (id: string): ArrayBuffer | undefined =>
    tbs.extensions?.find(({ extnID }) => extnID === id)?.extnValue.buffer;
  const [basic, names] = [value(id_ce_basicConstraints), value(id_ce_subjectAltName)];
  const constraints = basic === undefined ? null : AsnConvert.parse(basic, BasicConstraints);
  const found = names === undefined ? [] : [...AsnConvert.parse(names, SubjectAlternativeName)];
  const hex = (buffer: ArrayBuffer | undefined): string => toHex(new Uint8Array(buffer ?? []));
  return {
    notBeforeMs: tbs.validity.notBefore.getTime().getTime(),
    notAfterMs: tbs.validity.notAfter.getTime().getTime(),
    authority: constraints?.cA ?? false,
    pathLength: constraints?.pathLenConstraint ?? null,
    uris: found.map((one) => one.uniformResourceIdentifier),
    issuer: hex(AsnConvert.serialize(tbs.issuer)),
    subject: hex(AsnConvert.serialize(tbs.subject)),
    publicKey: hex(tbs.subjectPublicKeyInfo.subjectPublicKey),
    content: hex(tbsCertificateRaw),
    signature: hex(signatureValue),
  };
}

describe("E0: a device's certificate", () => {
  test("is the department's, of a client, and binds person, client and key to the device", async () => {
    const department = await Department.found({ nowMs: NOW });
    const trust = await DepartmentTrust.open(department.trust(1), department.root.certificate);
    const signer = newSigner();
    const { publicKey } = signer.keys;
    const good = department.certify(signer, publicKey, NOW);
    const certificate = await trust.certificate(good);
    expect(certificate).toMatchObject({ device: signer.device, person: signer.personId });
    // The same person and client with another key are another device.
    const other = department.certify(signer, newSigner().keys.publicKey, NOW);
    expect((await trust.certificate(other)).device).not.toBe(signer.device);
    const id = newId();
    for (const uris of [
      [],
      ["urn:copconnect:roster-authority"],
      [`urn:copconnect:client:${id}`],
      [`urn:copconnect:client:${id}:${id.toUpperCase()}x`],
      [`urn:copconnect:client:${id}:${id}`, `urn:copconnect:client:${id}:${newId()}`],
    ]) {
      const wrong = department.certify(signer, publicKey, NOW, { uris });
      await expect(trust.certificate(wrong)).rejects.toThrow("not the certificate of a client");
    }
    const stranger = await Department.found({ nowMs: NOW });
    const foreign = stranger.certify(signer, publicKey, NOW);
    await expect(trust.certificate(foreign)).rejects.toThrow("E0");
    const flipped = good.slice();
    flipped[60] = (flipped[60] ?? 0) ^ 1;
    await expect(trust.certificate(flipped)).rejects.toThrow("E0");
    await expect(trust.certificate(Uint8Array.from([...good, 0]))).rejects.toThrow("trailing");
    await expect(trust.certificate(department.root.certificate)).rejects.toThrow("E0");
  });

  test("of a former issuing CA stays good, and a new CA's is known with the next record", async () => {
    const department = await Department.found({ nowMs: NOW });
    const { certificate: root } = department.root;
    const before = await DepartmentTrust.open(department.trust(1), root);
    const [old, young] = [newSigner(), newSigner()];
    const former = department.certify(old, old.keys.publicKey, NOW);
    department.nextIssuing(NOW);
    const newer = department.certify(young, young.keys.publicKey, NOW);
    await expect(before.certificate(newer)).rejects.toThrow("not of this department");
    const after = await before.follow(department.trust(2), root);
    expect((await after.certificate(former)).device).toBe(old.device);
    expect((await after.certificate(newer)).device).toBe(young.device);
  });

  test("is parsed as the ASN.1 library parses it, and an altered one never differently", async () => {
    const department = await Department.found({ nowMs: NOW });
    const signer = newSigner();
    const good = [
      department.certify(signer, signer.keys.publicKey, NOW),
      // After 2049 times have four digits for the year.
      department.certify(signer, signer.keys.publicKey, NOW, { notAfterMs: Date.UTC(2061, 4, 3) }),
      department.root.certificate,
      department.issuing.certificate,
      department.authority.certificate,
    ];
    for (const der of good) expect(summary(parseCertificate(der))).toEqual(byLibrary(der));
    let accepted = 0;
    const agrees = fc.property(
      fc.constantFrom(...good),
      fc.nat(700),
      fc.nat(255),
      (der, index, value) => {
        const bytes = der.slice();
        bytes[index % bytes.length] = value;
        const own = attempt(() => summary(parseCertificate(bytes)));
        // Names and key usages are not looked into here: the library may refuse what they hold.
        const other = attempt(() => byLibrary(bytes));
        if (own === null || other === null) return;
        accepted++;
        // The library writes names again; here they are the bytes that were signed.
        const { issuer, subject } = own;
        expect(own).toEqual({ ...other, issuer, subject });
      },
    );
    fc.assert(agrees, { numRuns: 2_000 });
    expect(accepted).toBeGreaterThan(300);
  });

  test("random, truncated and altered bytes are refused or parsed, and nothing else", async () => {
    const department = await Department.found({ nowMs: NOW });
    const signer = newSigner();
    const good = department.certify(signer, signer.keys.publicKey, NOW);
    const onlyRefuses = (bytes: Uint8Array): boolean => {
      try {
        clientNamedBy(parseCertificate(bytes));
        return true;
      } catch (error) {
        return error instanceof Refused && error.rule === "E0";
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), onlyRefuses));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (index, value) => {
        const bytes = good.slice();
        bytes[index] = value;
        return onlyRefuses(bytes) && onlyRefuses(good.subarray(0, index));
      }),
      { numRuns: 500 },
    );
  });
});
