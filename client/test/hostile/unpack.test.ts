import { encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { decodeContent, encodeContent } from "#core/kinds/content.ts";
import { NotWhole, unpack } from "#core/unpack.ts";

/** Nested arrays (or maps) that each announce 32 million elements and hold one. */
function bomb(head: number, depth: number): Uint8Array {
  const bytes = new Uint8Array(5 * depth + 1);
  for (let i = 0; i < depth; i++) bytes.set([head, 0x01, 0xff, 0xff, 0xff], 5 * i);
  return bytes;
}

describe("unpack", () => {
  it.each([0xdd, 0xdf])("takes no memory for what is announced and not there (%i)", (head) => {
    const before = process.memoryUsage().heapTotal;
    expect(() => unpack(bomb(head, 50))).toThrow(NotWhole);
    expect(decodeContent(bomb(head, 50))).toEqual({ kind: "unsupported" });
    expect(process.memoryUsage().heapTotal - before).toBeLessThan(100e6);
  });

  it("reads whatever the encoder writes, of every type and width", () => {
    const long = "క".repeat(70_000);
    const value = {
      numbers: [0, -1, 127, 128, 255, 65_535, 65_536, 2 ** 32, -32, -33, -129, -40_000, -(2 ** 40)],
      floats: [0.5, -1e300],
      texts: ["", "a", "x".repeat(31), "x".repeat(32), "x".repeat(300), long],
      bytes: [new Uint8Array(), new Uint8Array(300), new Uint8Array(70_000)],
      others: [null, true, false, new Date(0), new Date(1.5e12 + 1)],
      many: Array.from({ length: 70_000 }, (_, i) => i),
      map: Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`k${String(i)}`, [i]])),
    };
    expect(unpack(encode(value))).toEqual(value);
  });

  it("refuses truncated and trailing bytes, and survives any flipped byte", () => {
    const bytes = encodeContent({
      kind: "state",
      version: 1,
      title: "బీట్ 4",
      photo: null,
      description: "",
    });
    for (let end = 0; end < bytes.length; end++) {
      expect(() => unpack(bytes.slice(0, end))).toThrow(NotWhole);
    }
    expect(() => unpack(Uint8Array.of(...bytes, 0))).toThrow(NotWhole);
    for (let at = 0; at < bytes.length; at++) {
      for (let value = 0; value < 256; value++) {
        const changed = Uint8Array.from(bytes);
        changed[at] = value;
        expect(() => decodeContent(changed)).not.toThrow();
      }
    }
  });
});
