/** Truncated, extended and bent bytes: each parser refuses with CellRefused, and says which step. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { X25519, XWING } from "../src/cells/format.ts";
import {
  encodeSeal,
  encodeSignedHeader,
  parseSeal,
  parseSeals,
  parseSignedHeader,
} from "../src/cells/message.ts";
import { encodeRecord, judgeRecord, parseRecord } from "../src/cells/record.ts";
import { openMessage, type Delivered } from "../src/cells/open.ts";
import { CellRefused, type CellRefusal } from "../src/cells/refused.ts";
import { concat, type Bytes } from "../src/octets.ts";
import { platformEd25519 } from "../src/trust/ed25519.ts";
import { at } from "./cell-world.ts";
import { CellTown, SENT_MS, deliveredTo } from "./cell-messages.ts";

function refusalOf(error: unknown): CellRefusal {
  if (error instanceof CellRefused) return error.code;
  throw new Error("not a refusal", { cause: error });
}

function code(work: () => unknown): CellRefusal | null {
  try {
    work();
    return null;
  } catch (error) {
    return refusalOf(error);
  }
}

function flipped(bytes: Bytes, bit: number): Bytes {
  const bent = bytes.slice();
  bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7));
  return bent;
}

describe.each([
  ["X25519", X25519],
  ["X-Wing", XWING],
] as const)("%s", (_, kem) => {
  const made = (async () => {
    const town = await CellTown.found(kem);
    const message = at(await town.messages(1), 0);
    const cell = at(town.cells, 0);
    return {
      town,
      cell,
      header: encodeSignedHeader(message.header),
      seals: concat(...message.seals.map(encodeSeal)),
      seal: encodeSeal(at(message.seals, 0)),
      record: encodeRecord(cell.record),
      delivered: deliveredTo(message, cell),
    };
  })();

  test("S2: any truncation or extension of a record, header or list of seals is malformed", async () => {
    const { header, seal, seals, record } = await made;
    const parsers: [Bytes, (bytes: Bytes) => unknown][] = [
      [header, parseSignedHeader],
      [record, parseRecord],
      [seal, (bytes) => parseSeal(bytes, kem)],
      [seals, (bytes) => parseSeals(bytes, kem)],
    ];
    for (const [whole, parse] of parsers) {
      expect(code(() => parse(whole))).toBeNull();
      const step = whole.length > 1000 ? 7 : 1;
      for (let length = whole.length - 1; length >= 0; length -= step) {
        // A list of seals may be cut between two of them: the digest in the header tells.
        if (whole === seals && length % (seals.length / 3) === 0) continue;
        expect(code(() => parse(whole.slice(0, length)))).toBe("malformed");
      }
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), (more) => {
          expect(code(() => parse(concat(whole, more)))).toBe("malformed");
        }),
      );
    }
  });

  test("junk is refused and nothing else escapes", () => {
    const parsers = [parseSignedHeader, parseRecord];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.nat(1), (junk, which) => {
        const refused = code(() => at(parsers, which)(junk));
        expect(["malformed", "wrong_kem"]).toContain(refused);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 79 }), (junk) => {
        expect(code(() => parseSeals(junk, kem))).toBe("malformed");
      }),
    );
  });

  test("S5: seals out of order or twice are malformed", async () => {
    const { seals } = await made;
    const size = seals.length / 3;
    const [a, b] = [seals.slice(0, size), seals.slice(size, 2 * size)];
    expect(code(() => parseSeals(concat(b, a), kem))).toBe("malformed");
    expect(code(() => parseSeals(concat(a, a), kem))).toBe("malformed");
    expect(code(() => parseSeals(new Uint8Array(), kem))).toBeNull();
  });

  test("numbers beyond 2^53 - 1 are malformed", async () => {
    const { header } = await made;
    // seq, roster epoch and sent ms begin at 67, 107 and 147.
    for (const offset of [67, 107, 147]) {
      const huge = header.slice();
      huge[offset] = 1;
      expect(code(() => parseSignedHeader(huge))).toBe("malformed");
    }
  });

  test("each part that is cut or longer is refused by the step that reads it", async () => {
    const { town, cell, delivered } = await made;
    const receiver = await town.receiver(cell);
    const attempt = (change: Partial<Delivered>): Promise<CellRefusal | null> =>
      openMessage({ ...delivered, ...change }, receiver).then(() => null, refusalOf);
    expect(await attempt({})).toBeNull();
    for (const [part, code] of [
      ["sealed", "malformed"],
      ["body", "body_mismatch"],
      ["seal", "malformed"],
    ] as const) {
      const whole = delivered[part];
      await fc.assert(
        fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
          expect(await attempt({ [part]: whole.slice(0, length) })).toBe(code);
        }),
      );
      expect(await attempt({ [part]: concat(whole, Uint8Array.of(0)) })).toBe(code);
    }
  });

  test("any flipped bit of a message is refused by the step that guards it", async () => {
    const { town, cell, delivered } = await made;
    const receiver = await town.receiver(cell);
    const inHeader = (byte: number): readonly CellRefusal[] => {
      if (byte < 3) return ["malformed", "wrong_kem"];
      if (byte < 19) return ["wrong_conversation"];
      if (byte >= 35 && byte < 67) return ["sender_refused"];
      return ["malformed", "bad_signature"];
    };
    const inSeal = (byte: number): readonly CellRefusal[] => {
      if (byte < 16) return ["wrong_cell"];
      return byte < 32 ? ["key_unknown"] : ["seal_broken"];
    };
    for (const [part, guards] of [
      ["sealed", inHeader],
      ["body", (): readonly CellRefusal[] => ["body_mismatch"]],
      ["seal", inSeal],
    ] as const)
      await fc.assert(
        fc.asyncProperty(fc.nat(delivered[part].length * 8 - 1), async (bit) => {
          const bent = { ...delivered, [part]: flipped(delivered[part], bit) };
          const refused = await openMessage(bent, receiver).then(() => null, refusalOf);
          expect(guards(bit >> 3)).toContain(refused);
        }),
        { numRuns: 200 },
      );
  });

  test("K6: any flipped bit of a record is refused", async () => {
    const { town, cell, record } = await made;
    const { verify } = await platformEd25519();
    const judge = {
      ...town,
      cellId: cell.cellId,
      nowMs: SENT_MS,
      seen: null,
      signer: (hash: string) =>
        Promise.resolve(hash === town.sender ? town.publicKey : ("refused" as const)),
      verify,
    };
    const attempt = async (bytes: Bytes): Promise<CellRefusal | null> => {
      try {
        await judgeRecord(parseRecord(bytes), judge);
        return null;
      } catch (error) {
        return refusalOf(error);
      }
    };
    expect(await attempt(record)).toBeNull();
    const expected: readonly (CellRefusal | null)[] = [
      "malformed",
      "wrong_kem",
      "wrong_conversation",
      "wrong_cell",
      "signer_refused",
      "bad_signature",
    ];
    await fc.assert(
      fc.asyncProperty(fc.nat(record.length * 8 - 1), async (bit) => {
        expect(expected).toContain(await attempt(flipped(record, bit)));
      }),
      { numRuns: 200 },
    );
  });
});
