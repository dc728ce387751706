/**
 * Cells for `bench suites` (Python), one file for each size.
 *
 * Run: npx tsx client/bench/suites/grow.ts <suite> <folder> <size>…
 * Writes <folder>/<suite>-<size>.msgpack.
 */
import { rename, writeFile } from "node:fs/promises";
import { encode } from "@msgpack/msgpack";
import { grown } from "./growing.ts";

const [suite = "", folder = "", ...sizes] = process.argv.slice(2);
const ascending = sizes.map(Number).sort((a, b) => a - b);
for await (const cell of grown(Number(suite), ascending)) {
  const file = `${folder}/${suite}-${String(cell.size)}.msgpack`;
  await writeFile(`${file}.making`, encode(cell));
  await rename(`${file}.making`, file);
  process.stdout.write(`suite ${suite}: ${String(cell.size)}\n`);
}
