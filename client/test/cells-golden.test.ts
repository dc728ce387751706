import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sha256 } from "@noble/hashes/sha2.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { describe, expect, test, vi } from "vitest";
import { decryptBody, encryptBody, keyCommit, sealInfo } from "../src/cells/body.ts";
import type { ChainPlace } from "../src/cells/chain.ts";
import { XWING, isKem, type KemId } from "../src/cells/format.ts";
import {
  cellsDigest,
  encodeHeader,
  encodeSeal,
  encodeSignedHeader,
  parseSeals,
  parseSignedHeader,
} from "../src/cells/message.ts";
import { encodeRecord, judgeRecord, parseRecord, requireDerivedKey } from "../src/cells/record.ts";
import { hpkeOpen, publicKeyOf } from "../src/cells/kem.ts";
import { openMessage } from "../src/cells/open.ts";
import { SenderChain } from "../src/cells/sender.ts";
import { copy, fromHex, toHex, utf8 } from "../src/octets.ts";
import { parseCertificate } from "../src/trust/certificate.ts";
import { platformEd25519 } from "../src/trust/ed25519.ts";
import { CellTown, fixedRandomness } from "./cell-messages.ts";
import { at } from "./cell-world.ts";

function spec(name: string): unknown {
  return JSON.parse(
    readFileSync(fileURLToPath(new URL(`../../spec/${name}`, import.meta.url)), "utf8"),
  );
}

function kemOf(kem: number): KemId {
  if (!isKem(kem)) throw new Error("the vector has another KEM");
  return kem;
}

/** Made by the prototype: CELLS.md section 3 as other code reads it. */
interface Sealed {
  readonly kem: number;
  readonly hdr: string;
  readonly sig: string;
  readonly body: string;
  readonly cert: string;
  readonly ca: string;
  readonly rec: string;
  readonly recSig: string;
  readonly seals: readonly { cid: string; kid: string; seal: string; seed: string }[];
}

describe.each(["sealed_classic.json", "sealed_xwing.json"])("%s", (name) => {
  const vector = spec(name) as Sealed;
  const kem = kemOf(vector.kem);
  const signed = fromHex(vector.hdr + vector.sig);
  const header = parseSignedHeader(signed);

  test("S1: header and signature, byte for byte", async () => {
    const certificate = parseCertificate(fromHex(vector.cert));
    const { verify } = await platformEd25519();
    expect(await verify(fromHex(vector.ca), certificate.toBeSigned, certificate.signature)).toBe(
      true,
    );
    expect(header.sender).toBe(certificate.hash);
    expect(header.bodyHash).toBe(toHex(sha256(fromHex(vector.body))));
    expect(header.cellsDigest).toBe(
      cellsDigest(vector.seals.map(({ cid, kid }) => ({ cellId: cid, keyId: kid }))),
    );
    expect(toHex(encodeHeader(header))).toBe(vector.hdr);
    expect(encodeSignedHeader(header)).toEqual(signed);
  });

  test("K1: the cell key record and its signature", async () => {
    const record = parseRecord(fromHex(vector.rec + vector.recSig));
    const seal = at(
      vector.seals.filter(({ cid }) => cid === record.cellId),
      0,
    );
    expect(record.keyId).toBe(seal.kid);
    expect(toHex(encodeRecord(record))).toBe(vector.rec + vector.recSig);
    await requireDerivedKey(record, fromHex(seal.seed));
    await judgeRecord(record, {
      kem,
      conversationId: header.conversationId,
      cellId: record.cellId,
      nowMs: record.createdMs,
      seen: null,
      signer: () => Promise.resolve(parseCertificate(fromHex(vector.cert)).publicKey),
      verify: (await platformEd25519()).verify,
    });
  });

  test("each cell opens its seal and reads the message", async () => {
    const { verify } = await platformEd25519();
    for (const { cid, kid, seal, seed } of vector.seals) {
      const opened = await openMessage(
        { sealed: signed, body: fromHex(vector.body), seal: fromHex(cid + kid + seal) },
        {
          kem,
          conversationId: header.conversationId,
          cellId: cid,
          atMs: header.sentMs,
          sender: (hash) => {
            const { publicKey } = parseCertificate(fromHex(vector.cert));
            return Promise.resolve(
              hash === header.sender ? { personId: "", clientId: "", publicKey } : "refused",
            );
          },
          roster: () => Promise.resolve({ hash: header.rosterHash, supersededMs: null }),
          last: () => Promise.resolve(null),
          seed: (keyId) => Promise.resolve(keyId === kid ? fromHex(seed) : null),
          verify,
        },
      );
      expect(opened.plaintext).toEqual(utf8("hello all cells"));
    }
  });

  test("S4: key commitment and body, made again from the key", async () => {
    const { cid, kid, seal, seed } = at(vector.seals, 0);
    const key = await hpkeOpen(kem, fromHex(seed), sealInfo(header, cid, kid), fromHex(seal));
    expect(keyCommit(key, header.messageId)).toEqual(header.keyCommit);
    const body = await encryptBody(header, key, header.iv, utf8("hello all cells"));
    expect(toHex(body)).toBe(vector.body);
  });
});

/** Made by make-cell-vector.ts, with the randomness that went in. */
interface Made {
  readonly kem: number;
  readonly conversationId: string;
  readonly cells: readonly { cellId: string; seed: string; keyId: string; record: string }[];
  readonly messages: readonly {
    readonly plaintext: string;
    readonly key: string;
    readonly header: string;
    readonly headerHash: string;
    readonly body: string;
    readonly seals: readonly { cellId: string; ephemeral: string; bytes: string }[];
  }[];
}

describe.each((spec("cells.json") as { suites: Made[] }).suites)("cells.json, KEM $kem", (made) => {
  const kem = kemOf(made.kem);

  test("the same seeds and ephemerals give the same bytes", async () => {
    const town = await CellTown.found(kem);
    const stale = await town.cell("cell 1", 5);
    expect([...town.cells, stale].map(({ record }) => toHex(encodeRecord(record)))).toEqual(
      made.cells.map(({ record }) => record),
    );
    const chain = SenderChain.first(town.conversationId);
    const expectMade = (message: number): void => {
      const golden = at(made.messages, message);
      const sealed = chain.pending;
      if (sealed === null) throw new Error("nothing is sealed");
      expect(toHex(encodeSignedHeader(sealed.header))).toBe(golden.header);
      expect(sealed.header.hash).toBe(golden.headerHash);
      expect(toHex(sealed.body)).toBe(golden.body);
      expect(sealed.seals.map((seal) => toHex(encodeSeal(seal)))).toEqual(
        golden.seals.map(({ bytes }) => bytes),
      );
    };
    const first = fixedRandomness("first", kem);
    await chain.seal(town.draft("first"), town.sign, { randomness: first });
    expectMade(0);
    chain.accepted(at(made.messages, 0).headerHash);
    const randomness = fixedRandomness("second", kem);
    await chain.seal(town.draft("second"), town.sign, { randomness });
    expectMade(1);
    const change = { records: [stale.record], without: [], roster: town.roster };
    await chain.reseal(change, town.sign, { randomness });
    expectMade(2);
  });

  test("every seal opens to the key, and the key reads the body", async () => {
    for (const message of made.messages) {
      const header = parseSignedHeader(fromHex(message.header));
      for (const { bytes } of message.seals) {
        const seal = at(parseSeals(fromHex(bytes), kem), 0);
        const cell = at(
          made.cells.filter(({ keyId }) => keyId === seal.keyId),
          0,
        );
        const info = sealInfo(header, seal.cellId, seal.keyId);
        expect(toHex(await hpkeOpen(kem, fromHex(cell.seed), info, seal.sealed))).toBe(message.key);
      }
      const plain = await decryptBody(
        header,
        fromHex(message.key),
        header.iv,
        fromHex(message.body),
      );
      expect(plain).toEqual(utf8(message.plaintext));
    }
    const record = parseRecord(fromHex(at(made.cells, 0).record));
    expect(await publicKeyOf(kem, fromHex(at(made.cells, 0).seed))).toEqual(record.publicKey);
  });
});

test("X-Wing without WebCrypto's X25519 makes the same bytes", async () => {
  const { subtle } = crypto;
  const importKey = subtle.importKey.bind(subtle) as (...args: unknown[]) => Promise<CryptoKey>;
  const lacking = vi.spyOn(subtle, "importKey").mockImplementation((...args: unknown[]) => {
    if (args[2] !== "X25519") return importKey(...args);
    return Promise.reject(new DOMException("unknown algorithm", "NotSupportedError"));
  });
  try {
    const town = await CellTown.found(XWING);
    const randomness = fixedRandomness("first", XWING);
    const draft = town.draft("first");
    const sealed = await SenderChain.first(town.conversationId).seal(draft, town.sign, {
      randomness,
    });
    const { suites } = spec("cells.json") as { suites: Made[] };
    const golden = at(
      suites.filter(({ kem }) => kem === XWING),
      0,
    );
    expect(sealed.seals.map((seal) => toHex(encodeSeal(seal)))).toEqual(
      at(golden.messages, 0).seals.map(({ bytes }) => bytes),
    );
    expect(lacking).toHaveBeenCalledWith("pkcs8", expect.anything(), "X25519", false, [
      "deriveBits",
    ]);
  } finally {
    lacking.mockRestore();
  }
});

test("X-Wing's encapsulation is another implementation's, byte for byte", () => {
  const { suites } = spec("cells.json") as { suites: Made[] };
  const made = at(
    suites.filter(({ kem }) => kem === XWING),
    0,
  );
  for (const { bytes, ephemeral } of at(made.messages, 0).seals) {
    const seal = at(parseSeals(fromHex(bytes), XWING), 0);
    const cell = at(
      made.cells.filter(({ keyId }) => keyId === seal.keyId),
      0,
    );
    const { publicKey } = parseRecord(fromHex(cell.record));
    const random = fromHex(ephemeral);
    const { cipherText } = ml_kem768.encapsulate(publicKey.slice(0, 1184), random.slice(0, 32));
    expect(seal.sealed.slice(0, 1088)).toEqual(copy(cipherText));
    expect(seal.sealed.slice(1088, 1120)).toEqual(copy(x25519.getPublicKey(random.slice(32))));
  }
});

/** Sealed by tests/cells/sealing.py. */
interface FromPython {
  readonly kem: number;
  readonly sentMs: number;
  readonly conversationId: string;
  readonly rosterHash: string;
  readonly certificate: string;
  readonly cells: readonly { cellId: string; seed: string; keyId: string; record: string }[];
  readonly messages: readonly {
    readonly plaintext: string;
    readonly header: string;
    readonly body: string;
    readonly seals: readonly string[];
  }[];
}

describe.each((spec("cells_from_python.json") as { suites: FromPython[] }).suites)(
  "cells_from_python.json, KEM $kem",
  (made) => {
    const kem = kemOf(made.kem);
    const { publicKey, hash: certificateHash } = parseCertificate(fromHex(made.certificate));

    test("its records are accepted and are for the keys that we derive", async () => {
      const { verify } = await platformEd25519();
      for (const cell of made.cells) {
        const record = parseRecord(fromHex(cell.record));
        expect(record.keyId).toBe(cell.keyId);
        await requireDerivedKey(record, fromHex(cell.seed));
        await judgeRecord(record, {
          kem,
          conversationId: made.conversationId,
          cellId: cell.cellId,
          nowMs: made.sentMs,
          seen: null,
          signer: (hash) => Promise.resolve(hash === certificateHash ? publicKey : "refused"),
          verify,
        });
      }
    });

    test("every cell reads its messages, one after the other", async () => {
      const { verify } = await platformEd25519();
      for (const cell of made.cells) {
        let last: ChainPlace | null = null;
        for (const { header, body, seals, plaintext } of made.messages) {
          const own = seals.filter((seal) => seal.startsWith(cell.cellId));
          const delivered = {
            sealed: fromHex(header),
            body: fromHex(body),
            seal: fromHex(at(own, 0)),
          };
          const opened = await openMessage(delivered, {
            kem,
            conversationId: made.conversationId,
            cellId: cell.cellId,
            atMs: made.sentMs,
            sender: (hash) =>
              Promise.resolve(
                hash === certificateHash ? { personId: "", clientId: "", publicKey } : "refused",
              ),
            roster: () => Promise.resolve({ hash: made.rosterHash, supersededMs: null }),
            last: () => Promise.resolve(last),
            seed: (keyId) => Promise.resolve(keyId === cell.keyId ? fromHex(cell.seed) : null),
            verify,
          });
          expect(opened.plaintext).toEqual(utf8(plaintext));
          expect(opened.continuation).toEqual({ kind: "next" });
          last = opened.place;
        }
        expect(last).toMatchObject({ seq: made.messages.length });
      }
    });
  },
);
