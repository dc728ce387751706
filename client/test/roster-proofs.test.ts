/** Roster proofs against spec/roster_proofs.json, which the server's half is held to as well. */
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../src/octets.ts";
import { merkleRoot } from "../src/roster/merkle.ts";
import { inclusionWithin, leavesRoot, provenCell, rangeRoot } from "../src/roster/proofs.ts";
import { RosterRefused } from "../src/roster/refused.ts";
import { leafBytes } from "../src/roster/roster-copy.ts";
import { ROOT } from "./data-folder.ts";

interface Vector {
  readonly root: string;
  readonly leaves: readonly { readonly cellId: string; readonly certificateHash: string }[];
  readonly ranges: readonly {
    readonly cellId: string;
    readonly first: number;
    readonly count: number;
    readonly proof: string;
  }[];
  readonly inclusions: readonly { readonly certificateHash: string; readonly proof: string }[];
  readonly shown: readonly number[];
  readonly shownProof: string;
}

const { trees } = JSON.parse(readFileSync(join(ROOT, "spec", "roster_proofs.json"), "utf8")) as {
  readonly trees: readonly Vector[];
};

describe("roster proofs", () => {
  it.each(trees.map((tree) => [tree.leaves.length, tree] as const))(
    "agree with the server's in a tree of %d",
    (count, tree) => {
      const leaves = tree.leaves.map((leaf) => leafBytes(leaf.cellId, leaf.certificateHash));
      expect(toHex(merkleRoot(leaves))).toBe(tree.root);
      const inclusions = new Map(
        tree.inclusions.map((one) => [one.certificateHash, one.proof] as const),
      );
      for (const { cellId, first, count: size, proof } of tree.ranges) {
        const part = leaves.slice(first, first + size);
        expect(rangeRoot(first, part, count, fromHex(proof))).toBe(tree.root);
        for (let i = 0; i < size; i++) {
          const hash = tree.leaves[first + i]?.certificateHash ?? "";
          const own = inclusionWithin(first, part, count, fromHex(proof), i);
          expect(provenCell(own, hash, count, tree.root)).toBe(cellId);
          const known = inclusions.get(hash);
          if (known !== undefined) expect(toHex(own)).toBe(known);
        }
      }
      const shown = new Map(tree.shown.map((at) => [at, leaves[at] as Uint8Array] as const));
      expect(leavesRoot(shown, count, fromHex(tree.shownProof))).toBe(tree.root);
      for (const [hash, proof] of inclusions)
        expect(provenCell(fromHex(proof), hash, count, tree.root)).not.toBeNull();
    },
  );

  it("M2: show nothing once anything about them is changed", () => {
    const tree = trees.at(-1);
    if (tree === undefined) throw new Error("no vectors");
    const range = tree.ranges.find(({ proof }) => proof !== "");
    if (range === undefined) throw new Error("no range with a proof");
    const part = tree.leaves
      .slice(range.first, range.first + range.count)
      .map((leaf) => leafBytes(leaf.cellId, leaf.certificateHash));
    const proof = fromHex(range.proof);
    const count = tree.leaves.length;
    const shows = (...from: Parameters<typeof rangeRoot>): boolean => {
      try {
        return rangeRoot(...from) === tree.root;
      } catch (error) {
        if (error instanceof RosterRefused) return false;
        throw error;
      }
    };
    expect(shows(range.first, part, count, proof)).toBe(true);
    fc.assert(
      fc.property(fc.nat(proof.length - 1), fc.integer({ min: 1, max: 255 }), (where, bits) => {
        const altered = proof.slice();
        altered[where] = (altered[where] ?? 0) ^ bits;
        return !shows(range.first, part, count, altered);
      }),
    );
    expect(shows(range.first + 1, part, count, proof)).toBe(false);
    expect(shows(range.first, part.slice(1), count, proof)).toBe(false);
    expect(shows(range.first, part, count, proof.subarray(32))).toBe(false);
    expect(shows(range.first, part, count, new Uint8Array([...proof, ...proof]))).toBe(false);
    const one = tree.inclusions[0];
    if (one === undefined) throw new Error("no inclusion");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        expect(provenCell(bytes, one.certificateHash, count, tree.root)).toBeNull();
      }),
    );
  });
});
