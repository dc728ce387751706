/** K10: the list of cells that a client takes is exactly the signed roster's, or none. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../src/octets.ts";
import type { RosterHead } from "../src/roster/head.ts";
import { merkleRoot } from "../src/roster/merkle.ts";
import { openNamedCells } from "../src/roster/named-cells.ts";
import { RosterRefused } from "../src/roster/refused.ts";
import { leafBytes } from "../src/roster/roster-copy.ts";
import type { RosterCell, RosterCells, RosterLeaf } from "../src/wire.ts";
import { RosterTree } from "./memory/roster-tree.ts";

function hex(of: number, length: number): string {
  return of.toString(16).padStart(length, "0");
}

/** Cells of these sizes; `signers`: who of each has signed its key. */
function rosterOf(
  sizes: readonly number[],
  signers: readonly (number | null)[],
): { readonly answer: RosterCells; readonly head: RosterHead } {
  const leaves: RosterLeaf[] = sizes.flatMap((size, cell) =>
    Array.from({ length: size }, (_, i) => ({
      cellId: hex(cell + 1, 32),
      certificateHash: hex(1_000 * cell + 7 * i, 64),
      clientId: "",
      personId: "",
    })),
  );
  const tree = new RosterTree(leaves);
  const root = merkleRoot(tree.leaves.map((one) => leafBytes(one.cellId, one.certificateHash)));
  const shown: number[] = [];
  const cells = sizes.map((count, cell): RosterCell => {
    const cellId = hex(cell + 1, 32);
    const part = tree.cell(cellId);
    const hash = (place: number) => fromHex(part.leaves[place]?.certificateHash ?? "");
    const signerPlace = signers[cell] ?? null;
    shown.push(part.first, part.first + count - 1);
    if (signerPlace !== null) shown.push(part.first + signerPlace);
    const signer = signerPlace === null ? null : hash(signerPlace);
    return { cellId, count, first: hash(0), last: hash(count - 1), signerPlace, signer };
  });
  const head = { leaves: leaves.length, root: toHex(root) } as RosterHead;
  return { answer: { head: new Uint8Array(), cells, proof: tree.leavesProof(shown) }, head };
}

function taken(answer: RosterCells, head: RosterHead): boolean {
  try {
    openNamedCells(answer, head);
    return true;
  } catch (error) {
    if (error instanceof RosterRefused) return false;
    throw error;
  }
}

const SIZES = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 });

describe("K10: the signed roster's cells", () => {
  it("are taken whole, with who signed their keys", () => {
    fc.assert(
      fc.property(SIZES, fc.nat(), (sizes, seed) => {
        const signers = sizes.map((size, i) => ((seed + i) % 3 === 0 ? null : (seed + i) % size));
        const { answer, head } = rosterOf(sizes, signers);
        const expected = answer.cells.map(({ cellId, signer }) => [
          cellId,
          signer && toHex(signer),
        ]);
        expect([...openNamedCells(answer, head)]).toEqual(expected);
      }),
    );
  });

  const { answer, head } = rosterOf([3, 1, 4, 2], [2, 0, null, 1]);
  const change = (at: number, with_: Partial<RosterCell>): RosterCells => ({
    ...answer,
    cells: answer.cells.map((cell, i) => (i === at ? { ...cell, ...with_ } : cell)),
  });
  const cell = (at: number): RosterCell => answer.cells[at] as RosterCell;
  const hash = new Uint8Array(32).fill(9);

  it.each<[string, RosterCells]>([
    ["lack a cell", { ...answer, cells: answer.cells.slice(1) }],
    ["lack a cell in the middle", { ...answer, cells: answer.cells.filter((_, i) => i !== 1) }],
    [
      "have two cells as one",
      {
        ...answer,
        cells: [{ ...cell(0), count: 4, last: cell(1).last }, cell(2), cell(3)],
      },
    ],
    [
      "have a cell more",
      {
        ...answer,
        cells: [...answer.cells, { ...cell(3), cellId: "f".repeat(32), count: 1 }],
      },
    ],
    ["have a cell twice", { ...answer, cells: [cell(0), ...answer.cells] }],
    ["name another cell", change(2, { cellId: hex(3, 31) + "f" })],
    ["have another size", change(0, { count: 2 })],
    ["have no leaves", change(1, { count: 0 })],
    ["have half a leaf", change(1, { count: 0.5 })],
    ["begin with another leaf", change(0, { first: hash })],
    ["end with another leaf", change(2, { last: hash })],
    ["have another signer", change(0, { signer: hash })],
    ["have a signer at another place", change(0, { signerPlace: 1 })],
    ["have a signer of the next cell", change(0, { signer: cell(1).first, signerPlace: 3 })],
    ["have a signer where the first leaf is", change(0, { signer: hash, signerPlace: 0 })],
    ["have a short hash", change(0, { first: hash.subarray(1) })],
    ["have a proof that is too short", { ...answer, proof: answer.proof.subarray(32) }],
    [
      "have a proof that is too long",
      {
        ...answer,
        proof: new Uint8Array([...answer.proof, ...hash]),
      },
    ],
    ["are none", { ...answer, cells: [] }],
  ])("are refused when they %s", (_, lie) => {
    expect(taken(answer, head)).toBe(true);
    expect(taken(lie, head)).toBe(false);
  });

  it("are refused when any bit of the proof is another", () => {
    fc.assert(
      fc.property(fc.nat(answer.proof.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const proof = answer.proof.slice();
        proof[at] = (proof[at] ?? 0) ^ bits;
        return !taken({ ...answer, proof }, head);
      }),
    );
  });
});
