/** What `make bench-suites` measures in Chromium runs under Node too, with cells of a few devices. */
import "fake-indexeddb/auto";
import { expect, it, describe } from "vitest";
import { Handshakes } from "../bench/suites/handshakes.ts";
import { grown } from "../bench/suites/growing.ts";
import { allow, type GrownCell } from "../bench/suites/grown-cell.ts";
import { Sealing } from "../bench/suites/sealing.ts";
import { SUITES } from "../src/mls/suites.ts";
import { BOTH_SUITES, at } from "./cell-world.ts";

describe.each(BOTH_SUITES)("suite $suite", ({ suite }) => {
  it("has figures that grow with the cell", async () => {
    const { cellSize } = SUITES.find(({ number }) => number === suite) as { cellSize: number };
    const cells: GrownCell[] = [];
    for await (const cell of grown(suite, [3, 6])) cells.push(cell);
    const figures = [];
    for (const cell of cells) {
      allow(suite, cell.size + 1);
      figures.push(await new Handshakes(cell).measure(1));
    }
    allow(suite, cellSize);
    const [small, large] = [at(figures, 0), at(figures, 1)];
    for (const [name, value] of Object.entries(large)) expect(value, name).toBeGreaterThan(0);
    for (const name of ["found_up_bytes", "join_up_bytes", "tree_bytes", "welcome_down_bytes"])
      expect(large[name], name).toBeGreaterThan(small[name] ?? NaN);
  });

  it("has a sealed message's bytes as CELLS.md counts them", async () => {
    const { seal_up_bytes, cells } = await (await Sealing.prepare(suite, 3)).measure(1);
    const seal = suite === 1 ? 112 : 1_200;
    expect(cells).toBe(3);
    expect(seal_up_bytes).toBeGreaterThan(327 + 3 * seal);
    expect(seal_up_bytes).toBeLessThan(327 + 3 * seal + 100);
  });
});
