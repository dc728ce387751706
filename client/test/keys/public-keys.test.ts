/** D3: which public keys are valid, and that both verifiers of Ed25519 agree. */
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { describe, expect, it } from "vitest";
import { X25519, XWING, publicKeyOf, requirePublicKey } from "#core/keys/hpke.ts";
import {
  requireKeyPoint,
  requireSigningKey,
  sign,
  verifySignature,
} from "#core/keys/format/signature.ts";
import { concat, copy, fromHex, utf8 } from "#core/octets.ts";
import { nobleEd25519, platformEd25519 } from "#core/keys/format/ed25519.ts";
import { ALL, hex } from "./vectors.ts";

const [[, v]] = ALL as unknown as readonly [(typeof ALL)[number]];

describe("public keys", () => {
  it("D3 the X25519 points of small order are those with which the secret is zero", () => {
    const small = [
      ...["00", "01", "ec", "ed", "ee"].map((low) => {
        const filled = low === "00" || low === "01" ? "00" : "ff";
        return low + filled.repeat(30) + (filled === "ff" ? "7f" : "00");
      }),
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ].map((text) => fromHex(text));
    const secret = new Uint8Array(32).fill(5);
    for (const point of small) {
      const high = copy(point);
      high[31] = (high[31] ?? 0) | 0x80;
      for (const encoded of [point, high]) {
        expect(() => x25519.getSharedSecret(secret, encoded)).toThrow();
        expect(() => requirePublicKey(X25519, encoded, "H2")).toThrow(/^H2/u);
      }
    }
    requirePublicKey(X25519, x25519.getPublicKey(secret), "H2");
  });

  it("D3 an X-Wing key has coefficients below 3329 and a point of large order", async () => {
    const right = await publicKeyOf(XWING, new Uint8Array(32).fill(4));
    requirePublicKey(XWING, right, "H2");
    const high = copy(right);
    high.set([0x01, 0x0d], 0); // 3329
    expect(() => requirePublicKey(XWING, high, "H2")).toThrow(/^H2.*coefficient/u);
    const second = copy(right);
    second.set([0x10, 0xd0], 1150); // 3329 as the last one
    expect(() => requirePublicKey(XWING, second, "H2")).toThrow(/^H2.*coefficient/u);
    const zero = copy(right);
    zero.fill(0, 1184);
    expect(() => requirePublicKey(XWING, zero, "S4")).toThrow(/^S4/u);
  });

  it("D3 a key of mixed order passes the quick check alone, one of small order none", () => {
    const point = (name: string) => {
      const found = v.negatives.find((one) => one.name === `signing key: ${name}`);
      return hex(found?.data);
    };
    for (const name of ["of order 1", "of order 2", "of order 4", "of order 8", "not canonical"])
      expect(() => requireKeyPoint(point(name), "E0")).toThrow(/^E0/u);
    requireKeyPoint(point("of mixed order"), "E0");
    expect(() => requireSigningKey(point("of mixed order"), "D3")).toThrow(/^D3/u);
  });

  it("D3 both verifiers refuse a signature whose R has a part of small order", async () => {
    const secret = new Uint8Array(32).fill(3);
    const publicKey = ed25519.getPublicKey(secret);
    requireSigningKey(publicKey, "D3");
    const text = utf8("message");
    const { Point } = ed25519;
    // S·B = R + k·A holds times the cofactor alone: R has order 2 added.
    const torsion = Point.fromAffine({ x: 0n, y: Point.Fp.neg(1n) });
    const nonce = 12345n;
    const encoded = Point.BASE.multiply(nonce).add(torsion).toBytes();
    const { scalar } = ed25519.utils.getExtendedPublicKey(secret);
    const digest = new Uint8Array(
      await crypto.subtle.digest("SHA-512", concat(encoded, publicKey, text)),
    );
    const k = digest.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
    const s = (nonce + k * scalar) % Point.Fn.ORDER;
    const bytes = new Uint8Array(32);
    for (let at = 0, rest = s; at < 32; at++, rest >>= 8n) bytes[at] = Number(rest & 255n);
    const forged = concat(encoded, bytes);
    expect(ed25519.verify(forged, text, publicKey, { zip215: false })).toBe(true);
    for (const verifier of [nobleEd25519, await platformEd25519()]) {
      expect(await verifySignature(publicKey, text, forged, verifier)).toBe(false);
      const right = await sign(secret, text);
      expect(await verifySignature(publicKey, text, right, verifier)).toBe(true);
    }
  });
});
