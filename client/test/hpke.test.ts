/** Our HPKE (faster) and the library's as it comes: each opens what the other seals. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { XWing as LibraryXWing } from "@hpke/hybridkem-x-wing";
import { describe, expect, test, vi } from "vitest";
import { hpkeSuite } from "#core/hpke/suite.ts";
import { XWing } from "#core/hpke/x-wing.ts";
import { copy, toHex, utf8 } from "#core/octets.ts";

const IKM = new Uint8Array(64).map((_, i) => i);
const PLAINTEXT = utf8("only one of the two can read this, or both");

/** Whatever `work` does, WebCrypto does not know X25519. */
async function withoutX25519<T>(work: () => Promise<T>): Promise<T> {
  const { subtle } = crypto;
  const lacking = (["importKey", "generateKey"] as const).map((name) => {
    const real = subtle[name].bind(subtle) as (...args: unknown[]) => Promise<never>;
    return vi.spyOn(subtle, name).mockImplementation((...args: unknown[]) => {
      if (!args.includes("X25519")) return real(...args);
      return Promise.reject(new DOMException("unknown algorithm", "NotSupportedError"));
    });
  });
  try {
    return await work();
  } finally {
    for (const spy of lacking) {
      expect(spy).toHaveBeenCalled();
      spy.mockRestore();
    }
  }
}

async function passes(from: CipherSuite, to: CipherSuite): Promise<string> {
  const sender = await from.kem.deriveKeyPair(IKM.buffer);
  const publicKey = await from.kem.serializePublicKey(sender.publicKey);
  const recipientPublicKey = await from.kem.deserializePublicKey(publicKey);
  const { privateKey } = await to.kem.deriveKeyPair(IKM.buffer);
  const info = utf8("info");
  const { enc, ct } = await from.seal({ recipientPublicKey, info }, PLAINTEXT);
  const opened = await to.open({ recipientKey: privateKey, enc, info }, ct);
  expect(new Uint8Array(opened)).toEqual(PLAINTEXT);
  return toHex(new Uint8Array(publicKey));
}

describe.each(["x25519", "x-wing"] as const)("HPKE with %s", (kem) => {
  const ours = hpkeSuite(kem);
  const library = new CipherSuite({
    kem: kem === "x25519" ? new DhkemX25519HkdfSha256() : new LibraryXWing(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });

  test("each opens what the other seals, with keys derived alike", async () => {
    const keys = [await passes(ours, library), await passes(library, ours)];
    expect(new Set(keys).size).toBe(1);
    await expect(passes(ours, ours)).resolves.toBe(keys[0]);
  });

  test("long infos are distinguished, however alike, and the library opens under each", async () => {
    const pair = await library.kem.generateKeyPair();
    const recipientPublicKey = await ours.kem.deserializePublicKey(
      await library.kem.serializePublicKey(pair.publicKey),
    );
    const one = new Uint8Array(10_000).fill(7);
    const other = one.with(9_999, 8);
    for (const info of [one, one, other, one, one.subarray(1)]) {
      const { enc, ct } = await ours.seal({ recipientPublicKey, info }, PLAINTEXT);
      const open = (to: Uint8Array): Promise<ArrayBuffer> =>
        library.open({ recipientKey: pair.privateKey, enc, info: copy(to) }, ct);
      expect(new Uint8Array(await open(info))).toEqual(PLAINTEXT);
      await expect(open(info === other ? one : other)).rejects.toThrow();
    }
  });

  test("another key opens nothing", async () => {
    const pair = await ours.kem.generateKeyPair();
    const other = await ours.kem.generateKeyPair();
    const { enc, ct } = await ours.seal({ recipientPublicKey: pair.publicKey }, PLAINTEXT);
    await expect(ours.open({ recipientKey: other.privateKey, enc }, ct)).rejects.toThrow();
    const opened = await ours.open({ recipientKey: pair.privateKey, enc }, ct);
    expect(new Uint8Array(opened)).toEqual(PLAINTEXT);
  });

  test("secrets exported to both ends agree", async () => {
    const pair = await library.kem.generateKeyPair();
    const recipientPublicKey = await ours.kem.deserializePublicKey(
      await library.kem.serializePublicKey(pair.publicKey),
    );
    const sender = await ours.createSenderContext({ recipientPublicKey });
    const recipient = await library.createRecipientContext({
      recipientKey: pair.privateKey,
      enc: sender.enc,
    });
    const label = utf8("exporter").buffer;
    expect(await sender.export(label, 32)).toEqual(await recipient.export(label, 32));
  });
});

test("X-Wing does without WebCrypto's X25519, and opens what was sealed with it", async () => {
  const suite = hpkeSuite("x-wing");
  const { publicKey, privateKey } = await suite.kem.deriveKeyPair(IKM.buffer);
  const sealed = await suite.seal({ recipientPublicKey: publicKey }, PLAINTEXT);
  await withoutX25519(async () => {
    for (const { enc, ct } of [
      sealed,
      await suite.seal({ recipientPublicKey: publicKey }, PLAINTEXT),
    ])
      expect(new Uint8Array(await suite.open({ recipientKey: privateKey, enc }, ct))).toEqual(
        PLAINTEXT,
      );
  });
});

test("an X-Wing public key is computed once it is asked for, and is the library's", async () => {
  const [ours, library] = [new XWing(), new LibraryXWing()];
  const computed = vi.spyOn(ours, "generateKeyPairDerand");
  const pair = await ours.deriveKeyPair(IKM.buffer);
  expect(computed).not.toHaveBeenCalled();
  const expected = await library.deriveKeyPair(IKM.buffer);
  expect(await ours.serializePublicKey(pair.publicKey)).toEqual(
    await library.serializePublicKey(expected.publicKey),
  );
  expect(computed).toHaveBeenCalledTimes(1);
  expect(await ours.serializePrivateKey(pair.privateKey)).toEqual(
    await library.serializePrivateKey(expected.privateKey),
  );
});
